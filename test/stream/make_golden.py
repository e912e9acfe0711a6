"""Makes the streams of stream.golden.test.ts from docs/formats/stream.md alone. Needs the package cryptography."""
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def counting(first, length):
    return bytes((first + i) % 256 for i in range(length))


def hkdf(secret, salt, info, length):
    extracted = hmac.new(salt, secret, hashlib.sha256).digest()
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.new(extracted, block + info.encode() + bytes([counter]), hashlib.sha256).digest()
        out, counter = out + block, counter + 1
    return out[:length]


def name(text):
    return text.encode().ljust(64, b"\0")


def stream(suite, key_section):
    stream_key, stream_id = counting(0x00, 32), counting(0x10, 16)
    # Blocks 0 to 3 of the first 512: the same, hole, zeroes, data. Then 512 holes.
    body = struct.pack("<BBHIQ", 1, 0, 1, 0, 0) + bytes([0 + 1 * 4 + 2 * 16 + 3 * 64]) + bytes(127)
    body += b"\x5a" * 4096
    body += struct.pack("<BBHIQQ", 2, 1, 0, 0, 512, 512)
    code, algorithm, length = {
        "aes-256-gcm": (1, algorithms.AES, 32),
        "sm4-gcm": (2, algorithms.SM4, 16),
    }[suite]
    header = b"SDSTREAM" + struct.pack("<II", 1, 1048576) + stream_id
    header += struct.pack("<BBBBI", code, 2, 1, 0, 4096)
    header += struct.pack("<QQQQ", 1024 * 4096, len(body), 1, 1700000000000)
    header += counting(0x20, 32) + counting(0x40, 32) + name("d-golden") + name("s-two") + name("s-one")
    header = (header + key_section).ljust(4032, b"\0")
    header += hkdf(stream_key, stream_id, "sealdisk/v1/stream-commitment", 32)
    mac = hmac.new(hkdf(stream_key, stream_id, "sealdisk/v1/stream-header", 32), header, hashlib.sha256).digest()
    chunk_key = hkdf(stream_key, mac, "sealdisk/v1/stream-chunks/" + suite, length)
    sealer = Cipher(algorithm(chunk_key), modes.GCM(struct.pack("<QI", 0, 0))).encryptor()
    return header + mac + sealer.update(body) + sealer.finalize() + sealer.tag


KMS = struct.pack("<BBHI", 1, 0, 5, 0) + name("key-golden") + counting(0x60, 5)
PASSPHRASE = struct.pack("<BBHI", 2, 0, 6, 0) + (struct.pack("<III", 131072, 8, 1) + counting(0x80, 32)).ljust(
    64, b"\0"
) + counting(0xA0, 6)

for suite, section in (("aes-256-gcm", KMS), ("sm4-gcm", PASSPHRASE)):
    whole = stream(suite, section)
    print(suite, len(whole), hashlib.sha256(whole).hexdigest())
    for what, start, end in (("fields", 0, 328), ("section", 328, 328 + len(section)), ("authentic", 4032, 4128), ("tag", -16, None)):
        print(" ", what, whole[start:end].hex())
