"""Reads a disk's directory and prints every block of every state as JSON: `read_image.py DIRECTORY DATA_KEY_HEX`.

Written from docs/formats/ alone, with Python's standard library: it shares neither code nor language with the engine.
Changes nothing. Any failure is an exception with one sentence.
"""

import hashlib
import hmac
import json
import os
import struct
import sys

from gcm import Gcm

SUITES = {1: ("aes-256-gcm", 32), 2: ("sm4-gcm", 16)}
HOLE, ZERO = 0, 1


class Damaged(Exception):
    """What the pages say cannot be so."""


def u64(data, at):
    value = struct.unpack_from("<Q", data, at)[0]
    if value >= 2**53:
        raise Damaged(f"the integer at {at} is too large")
    return value


def u32(data, at):
    return struct.unpack_from("<I", data, at)[0]


def u16(data, at):
    return struct.unpack_from("<H", data, at)[0]


def name(data, at):
    return data[at + 1 : at + 1 + data[at]].decode("latin-1")


def hkdf(secret, salt, info, size):
    """RFC 5869 with SHA-256, up to 64 bytes."""
    prk = hmac.digest(salt or bytes(32), secret, "sha256")
    first = hmac.digest(prk, info + b"\x01", "sha256")
    return (first + hmac.digest(prk, first + info + b"\x02", "sha256"))[:size]


class Keys:
    """keys.md"""

    KEPT = ("segment-header", "table", "mark", "epoch-wrap-root")

    def __init__(self, data_key):
        self._current = {label: hkdf(data_key, b"", b"sealdisk/v1/" + label.encode(), 32) for label in ("head", *self.KEPT)}
        self._older = []

    def open_older(self, records, suite):
        """The earlier data keys in a head, 160 bytes each."""
        label, size = suite
        for record in records:
            wrap = hkdf(self._current["epoch-wrap-root"], record[:16], b"sealdisk/v1/older-keys/" + label.encode(), size)
            plain = Gcm(label, wrap).open(bytes(12), record[:16], record[16:])
            if plain is None:
                raise Damaged("an earlier data key in the head does not open")
            self._older.append({kept: plain[32 * i : 32 * i + 32] for i, kept in enumerate(self.KEPT)})

    def verifies(self, purpose, record):
        keys = [self._current] if purpose == "head" else [self._current, *self._older]
        return len(record) >= 32 and any(
            hmac.compare_digest(hmac.digest(each[purpose], record[:-32], "sha256"), record[-32:]) for each in keys
        )

    def slots(self, record, suite):
        """What opens the slots of an epoch, from the first 64 bytes of its record."""
        label, size = suite
        epoch = record[:16]
        for keys in (self._current, *self._older):
            wrap = hkdf(keys["epoch-wrap-root"], epoch, b"sealdisk/v1/epoch-wrap/" + label.encode(), size)
            secret = Gcm(label, wrap).open(bytes(12), epoch, record[16:64])
            if secret is not None:
                return Gcm(label, hkdf(secret, epoch, b"sealdisk/v1/slots/" + label.encode(), size))
        raise Damaged(f"epoch {epoch.hex()} does not open")


def dense_places(data):
    """dense.md: slot -> place among the slots of the file, or None for a file of the full layout."""
    for at in (1024, 4096):
        index = data[at : at + 3072]
        if index[:8] != b"SDDENSE1" or index[8:12] != b"\x01\x00\x00\x00":
            continue
        if hashlib.sha256(index[:3040]).digest() != index[3040:]:
            continue
        bitmap = index[16:3040]
        there = [slot for slot in range(len(bitmap) * 8) if bitmap[slot // 8] >> (slot % 8) & 1]
        return {slot: place for place, slot in enumerate(there)}
    return None


class Segment:
    """segment.md, slot.md"""

    def __init__(self, path, number, gcm):
        self.number = number
        self.id = os.path.basename(path)
        self._gcm = gcm
        with open(path, "rb") as file:
            self._data = file.read()
        self.slots = max(0, (len(self._data) - 1024) // 4128)
        self._places = dense_places(self._data)
        self._opened = {}

    def open(self, slot):
        """(type, level, index, durable count, body), or None for what does not open."""
        if slot not in self._opened:
            self._opened[slot] = self._open(slot)
        return self._opened[slot]

    def _open(self, slot):
        if self._places is None:
            at = 1024 + 4128 * slot
        elif slot in self._places:
            at = 7168 + 4128 * self._places[slot]
        else:
            return None
        sealed = self._data[at : at + 4128]
        if len(sealed) < 4128:
            return None
        plain = self._gcm.open(struct.pack("<QI", self.number, slot), b"", sealed)
        if plain is None:
            return None
        return plain[4108], plain[4109], u64(plain, 4096), u32(plain, 4104), plain[:4096]


def read_head(directory, keys):
    """head.md"""
    with open(os.path.join(directory, "head"), "rb") as file:
        data = file.read()
    copies = [
        copy
        for copy in (data[:4096], data[4096:8192])
        if len(copy) == 4096 and keys.verifies("head", copy) and copy[:8] == b"SDHEAD_1" and u16(copy, 8) in (1, 2)
    ]
    if not copies:
        raise Damaged("no copy of the head verifies")
    copy = max(copies, key=lambda each: u64(each, 16))
    if copy[10] not in SUITES or copy[11] > 3 or copy[12:16] != bytes(4) or copy[124:128] != bytes(4):
        raise Damaged("the head is of a newer version")
    older = u32(copy, 2336) if u16(copy, 8) == 2 else 0
    keys.open_older([copy[2376 + 160 * i : 2536 + 160 * i] for i in range(older)], SUITES[copy[10]])
    return {
        "suite": SUITES[copy[10]],
        "encrypted": copy[11] & 1 == 1,
        "clean": copy[11] & 2 == 2,
        "sequence": u64(copy, 16),
        "size": u64(copy, 24),
        "table": copy[32:48].hex(),
        "digest": copy[48:80],
        "session": copy[80:96],
        "log": (u64(copy, 96), copy[104:120].hex(), u32(copy, 120)),
        "disk": name(copy, 176),
    }


def copies_of(path):
    """The copies of a record that says at 12 how many bytes it has."""
    with open(path, "rb") as file:
        data = file.read()
    for size in dict.fromkeys((u32(data, 12), len(data) // 2)):
        for copy in (data[:size], data[size : 2 * size]):
            if len(copy) == size and u32(copy, 12) == size:
                yield copy


def read_table(path, keys, fits):
    """table.md: the first copy that fits."""
    for copy in copies_of(path):
        if keys.verifies("table", copy) and copy[:8] == b"SDTABLE1" and fits(copy):
            return parse_table(copy, os.path.join(os.path.dirname(path), "..", "tables"))
    raise Damaged(f"no copy of {os.path.basename(path)} verifies")


def parse_table(copy, tables):
    if u16(copy, 8) not in (1, 2) or copy[11] not in SUITES:
        raise Damaged("the table is of a newer version")
    table = {
        "kind": copy[10],
        "size": u64(copy, 24),
        "root": u64(copy, 32),
        "disk": name(copy, 40),
        "snapshot": name(copy, 136),
        "segments": [],
    }
    if u16(copy, 8) == 1:
        epochs, segments = u32(copy, 232), u32(copy, 236)
        if len(copy) != 272 + 64 * epochs + 56 * segments:
            raise Damaged("the table does not add up")
        records = [(copy[240 + 64 * i : 304 + 64 * i], SUITES[copy[11]]) for i in range(epochs)]
        table["segments"] = segment_rows(copy, 240 + 64 * epochs, segments, records)
        return table
    if len(copy) != 272 + 64 * u32(copy, 232):
        raise Damaged("the table does not add up")
    for at in range(240, len(copy) - 32, 64):
        table["segments"] += read_chunk(tables, copy[at : at + 64], table["disk"])
    return table


def read_chunk(tables, entry, disk):
    """table.md, "Chunks": the segments of one range."""
    path = os.path.join(tables, entry[8:24].hex())
    for copy in copies_of(path):
        if hashlib.sha256(copy).digest() != entry[24:56]:
            continue
        epochs, segments = u32(copy, 120), u32(copy, 124)
        if copy[:8] != b"SDCHUNK1" or u16(copy, 8) != 1 or len(copy) != 160 + 72 * epochs + 56 * segments:
            raise Damaged("a chunk is of a newer version")
        if u64(copy, 16) != u64(entry, 0) or name(copy, 24) != disk or segments != u32(entry, 56):
            raise Damaged("a chunk is of another place")
        records = [copy[128 + 72 * i : 200 + 72 * i] for i in range(epochs)]
        return segment_rows(copy, 128 + 72 * epochs, segments, [(record[:64], SUITES[record[64]]) for record in records])
    raise Damaged(f"no copy of {os.path.basename(path)} verifies")


def segment_rows(copy, first, count, epochs):
    """(number, id, (epoch record, suite)) of each segment."""
    rows = [copy[first + 56 * i : first + 56 * (i + 1)] for i in range(count)]
    return [(u64(row, 0), row[8:24].hex(), epochs[u32(row, 40)]) for row in rows]


class State:
    """map.md: one state of a disk."""

    def __init__(self, directory, keys, table, overlay, log_segments):
        self._root = table["root"]
        self.blocks = table["size"] // 4096
        self._overlay = overlay
        self._segments = dict(log_segments)
        gcms = {}
        for number, segment_id, (record, suite) in table["segments"]:
            if record not in gcms:
                gcms[record] = keys.slots(record, suite)
            path = os.path.join(directory, "seg", segment_id)
            self._segments.setdefault(number, Segment(path, number, gcms[record]))

    def _slot(self, address):
        segment = self._segments.get(address // 2**20)
        if segment is None:
            raise Damaged(f"address {address} is in no segment of the table")
        return segment.open(address % 2**20)

    def _page(self, address, level, index):
        for copy in (0,) if level == 0 else (0, 1):
            slot = self._slot(address + copy)
            if slot is not None and slot[:3] == (2, level, index):
                return struct.unpack("<512Q", slot[4])
        raise Damaged(f"page {index} of level {level} does not open")

    def _mapped(self, address, level, index):
        """(first block, number of blocks, address or marker) in order, holes left out."""
        if address == HOLE:
            return
        if level < 0:
            yield index, 1, address
        elif address == ZERO:
            yield index * 512 ** (level + 1), 512 ** (level + 1), ZERO
        elif address < 2**20:
            raise Damaged(f"page {index} of level {level} was lost")
        else:
            for i, entry in enumerate(self._page(address, level, index)):
                yield from self._mapped(entry, level - 1, index * 512 + i)

    def read_all(self):
        """Block number to SHA-256 of its content or `zero`; holes are left out. Long runs of zeroes are cut to 4096 blocks."""
        found = {}
        for first, count, address in self._mapped(self._root, 3, 0):
            for block in range(first, min(self.blocks, first + min(count, 4096))):
                found[block] = address
        found.update(self._overlay)
        return {str(block): self._content(block, at) for block, at in sorted(found.items()) if at != HOLE}

    def _content(self, block, address):
        if address == ZERO:
            return "zero"
        slot = self._slot(address)
        if slot is None or slot[0] != 1 or slot[2] != block:
            raise Damaged(f"block {block} does not open")
        return hashlib.sha256(slot[4]).hexdigest()


def replay(directory, keys, head, table):
    """opening.md, "Recovery", steps 1 to 4: (overlay, segments of the log)."""
    number, first_id, first_slot = head["log"]
    in_table = {segment_id for _, segment_id, _ in table["segments"]}
    log = []
    for segment_id in sorted(os.listdir(os.path.join(directory, "seg"))):
        if segment_id in in_table and segment_id != first_id or not is_segment_name(segment_id):
            continue
        path = os.path.join(directory, "seg", segment_id)
        with open(path, "rb") as file:
            region = file.read(1024)
        good = [
            copy
            for copy in (region[:512], region[512:])
            if len(copy) == 512
            and keys.verifies("segment-header", copy)
            and copy[:8] == b"SDSEGMT1"
            and u16(copy, 8) == 1
            and copy[24:40].hex() == segment_id
        ]
        if not good:
            if os.path.getsize(path) > 1024:
                raise Damaged(f"the header of {segment_id} is damaged")
            continue
        header = good[0]
        if header[10] == 1 and header[40:56] == head["session"] and u64(header, 16) >= number:
            log.append(Segment(path, u64(header, 16), keys.slots(header[56:120], SUITES[header[11]])))
    overlay = {}
    current = next((segment for segment in log if segment.id == first_id), None)
    if current is None:
        raise Damaged("the log segment that the head names is missing")
    slot = first_slot
    while True:
        stop = follow(current, slot, overlay, head["size"] // 4096)
        following = [each for each in log if each.number > current.number and goes_on(each, current, stop)]
        if not following:
            break
        current, slot = following[0], 0
    refuse_if_more_was_durable((current.number, stop), log, marks(directory, keys, head["session"]) + [(number, first_slot)])
    return overlay, {segment.number: segment for segment in log}


def is_segment_name(name):
    return len(name) == 32 and not name.strip("0123456789abcdef")


def follow(segment, slot, overlay, blocks):
    """Replays one segment; answers where it stops."""
    while (opened := segment.open(slot)) is not None:
        kind, _, index, _, body = opened
        if kind == 1 and index < blocks:
            overlay[index] = segment.number * 2**20 + slot
        elif kind == 3 and body[0] == 2:
            first, count = u64(body, 2), u64(body, 10)
            if first + count > blocks:
                raise Damaged("a run reaches behind the end of the disk")
            overlay.update(dict.fromkeys(range(first, first + count), ZERO if body[1] == 1 else HOLE))
        elif kind != 3 or body[0] not in (1, 3):
            raise Damaged("the log says what this reader does not know")
        slot += 1
    return slot


def goes_on(segment, previous, stop):
    opened = segment.open(0)
    if opened is None or opened[0] != 3 or opened[4][0] != 1:
        return False
    body = opened[4]
    return (u64(body, 1), body[9:25].hex(), u32(body, 25)) == (previous.number, previous.id, stop)


def refuse_if_more_was_durable(end, log, proven):
    for segment in log:
        for slot in range(segment.slots):
            opened = segment.open(slot)
            if opened is None:
                continue
            if opened[3] > 0:
                proven.append((segment.number, opened[3]))
            if opened[0] == 3 and opened[4][0] == 1:
                proven.append((u64(opened[4], 29), u32(opened[4], 37)))
    if end < max(proven):
        raise Damaged("what was flushed is damaged or missing")


def marks(directory, keys, session):
    """mark.md"""
    path = os.path.join(directory, "mark")
    if not os.path.exists(path):
        return []
    with open(path, "rb") as file:
        data = file.read()
    return [
        (u64(place, 26), u32(place, 34))
        for place in (data[:512], data[512:1024])
        if keys.verifies("mark", place)
        and place[:8] == b"SDMARK_1"
        and u16(place, 8) == 1
        and place[10:26] == session
    ]


def main(directory, data_key_hex):
    keys = Keys(bytes.fromhex(data_key_hex))
    head = read_head(directory, keys)
    table = read_table(
        os.path.join(directory, "tables", head["table"]),
        keys,
        lambda copy: hashlib.sha256(copy).digest() == head["digest"],
    )
    if table["disk"] != head["disk"] or table["kind"] != 1:
        raise Damaged("the table is of another disk")
    overlay, log = ({}, {}) if head["clean"] else replay(directory, keys, head, table)
    snapshots = {}
    for snapshot in sorted(os.listdir(os.path.join(directory, "roots"))):
        root = read_table(os.path.join(directory, "roots", snapshot), keys, lambda copy: True)
        if (root["snapshot"], root["disk"], root["kind"]) != (snapshot, head["disk"], 2):
            raise Damaged(f"root {snapshot} is of another snapshot")
        snapshots[snapshot] = State(directory, keys, root, {}, {}).read_all()
    return {
        "diskId": head["disk"],
        "suite": head["suite"][0],
        "sizeBytes": head["size"],
        "encrypted": head["encrypted"],
        "clean": head["clean"],
        "blocks": State(directory, keys, table, overlay, log).read_all(),
        "snapshots": snapshots,
    }


if __name__ == "__main__":
    try:
        print(json.dumps(main(sys.argv[1], sys.argv[2])))
    except Damaged as error:
        sys.exit(f"damaged: {error}")
