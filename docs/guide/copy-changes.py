#!/usr/bin/python3
"""Copies what a bitmap calls dirty from an NBD export into a raw file: copy-changes.py URI SNAPSHOT FILE"""
import sys

import nbd

MIB = 1024 * 1024
uri, snapshot, path = sys.argv[1:]
context = "qemu:dirty-bitmap:" + snapshot
client = nbd.NBD()
client.add_meta_context(context)
client.connect_uri(uri)
size, at, copied = client.get_size(), 0, 0


def extents(start, length):
    found = []
    client.block_status(length, start, lambda name, _start, entries, _error: found.extend(entries if name == context else []))
    return zip(found[::2], found[1::2])


with open(path, "r+b") as copy:
    copy.truncate(size)
    while at < size:
        for length, flags in extents(at, min(size - at, 1024 * MIB)):
            end = at + length
            while at < end:
                part = min(end - at, 16 * MIB) if flags == 1 else end - at
                if flags == 1:
                    copy.seek(at)
                    copy.write(client.pread(part, at))
                    copied += part
                at += part
print(f"copied {copied} of {size} bytes")
