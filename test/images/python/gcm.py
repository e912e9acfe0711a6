"""AES-256-GCM (NIST SP 800-38D) and SM4-GCM (RFC 8998), for opening only: slow, short, and without any library."""


def _aes_sbox():
    box = [0] * 256
    p = q = 1
    while True:
        p = p ^ ((p << 1) & 0xFF) ^ (0x1B if p & 0x80 else 0)
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xFF
        if q & 0x80:
            q ^= 0x09
        x = q ^ _rotl8(q, 1) ^ _rotl8(q, 2) ^ _rotl8(q, 3) ^ _rotl8(q, 4)
        box[p] = x ^ 0x63
        if p == 1:
            break
    box[0] = 0x63
    return box


def _rotl8(x, n):
    return ((x << n) | (x >> (8 - n))) & 0xFF


def _rotl32(x, n):
    return ((x << n) | (x >> (32 - n))) & 0xFFFFFFFF


_S = _aes_sbox()


def _xtime(x):
    return ((x << 1) ^ 0x1B) & 0xFF if x & 0x80 else x << 1


def _aes_tables():
    tables = [[], [], [], []]
    for x in range(256):
        s = _S[x]
        word = (_xtime(s) << 24) | (s << 16) | (s << 8) | (_xtime(s) ^ s)
        for i in range(4):
            tables[i].append(((word >> (8 * i)) | (word << (32 - 8 * i))) & 0xFFFFFFFF)
    return tables


_T0, _T1, _T2, _T3 = _aes_tables()


class Aes:
    """FIPS 197, encryption of one block."""

    def __init__(self, key):
        count = len(key) // 4
        words = [int.from_bytes(key[4 * i : 4 * i + 4], "big") for i in range(count)]
        rounds = count + 6
        rcon = 1
        for i in range(count, 4 * (rounds + 1)):
            t = words[i - 1]
            if i % count == 0:
                t = self._sub(_rotl32(t, 8)) ^ (rcon << 24)
                rcon = _xtime(rcon)
            elif count > 6 and i % count == 4:
                t = self._sub(t)
            words.append(words[i - count] ^ t)
        self._words = words
        self._rounds = rounds

    @staticmethod
    def _sub(t):
        return (_S[t >> 24] << 24) | (_S[(t >> 16) & 255] << 16) | (_S[(t >> 8) & 255] << 8) | _S[t & 255]

    def encrypt(self, block):
        """An integer of 128 bits to another."""
        w = self._words
        a = (block >> 96) ^ w[0]
        b = ((block >> 64) & 0xFFFFFFFF) ^ w[1]
        c = ((block >> 32) & 0xFFFFFFFF) ^ w[2]
        d = (block & 0xFFFFFFFF) ^ w[3]
        k = 4
        for _ in range(self._rounds - 1):
            a, b, c, d = (
                _T0[a >> 24] ^ _T1[(b >> 16) & 255] ^ _T2[(c >> 8) & 255] ^ _T3[d & 255] ^ w[k],
                _T0[b >> 24] ^ _T1[(c >> 16) & 255] ^ _T2[(d >> 8) & 255] ^ _T3[a & 255] ^ w[k + 1],
                _T0[c >> 24] ^ _T1[(d >> 16) & 255] ^ _T2[(a >> 8) & 255] ^ _T3[b & 255] ^ w[k + 2],
                _T0[d >> 24] ^ _T1[(a >> 16) & 255] ^ _T2[(b >> 8) & 255] ^ _T3[c & 255] ^ w[k + 3],
            )
            k += 4
        out = 0
        for x, y, z, t, key in ((a, b, c, d, w[k]), (b, c, d, a, w[k + 1]), (c, d, a, b, w[k + 2]), (d, a, b, c, w[k + 3])):
            word = (_S[x >> 24] << 24) | (_S[(y >> 16) & 255] << 16) | (_S[(z >> 8) & 255] << 8) | _S[t & 255]
            out = (out << 32) | (word ^ key)
        return out


_SM4_S = bytes.fromhex(
    "d690e9fecce13db716b614c228fb2c052b679a762abe04c3aa441326498606999c4250f491ef987a33540b43edcfac62"
    "e4b31ca9c908e89580df94fa758f3fa64707a7fcf37317ba83593c19e6854fa8686b81b27164da8bf8eb0f4b70569d35"
    "1e240e5e6358d1a225227c3b01217887d40046579fd327524c3602e7a0c4c89eeabf8ad240c738b5a3f7f2cef96115a1"
    "e0ae5da49b341a55ad933230f58cb1e31df6e22e8266ca60c02923ab0d534e6fd5db3745defd8e2f03ff6a726d6c5b51"
    "8d1baf92bbddbc7f11d95c411f105ad80ac13188a5cd7bbd2d74d012b8e5b4b08969974a0c96777e65b9f109c56ec684"
    "18f07dec3adc4d2079ee5f3ed7cb3948"
)


class Sm4:
    """GB/T 32907, encryption of one block."""

    def __init__(self, key):
        fk = (0xA3B1BAC6, 0x56AA3350, 0x677D9197, 0xB27022DC)
        k = [int.from_bytes(key[4 * i : 4 * i + 4], "big") ^ fk[i] for i in range(4)]
        for i in range(32):
            ck = 0
            for j in range(4):
                ck = (ck << 8) | ((4 * i + j) * 7 % 256)
            t = self._tau(k[i + 1] ^ k[i + 2] ^ k[i + 3] ^ ck)
            k.append(k[i] ^ t ^ _rotl32(t, 13) ^ _rotl32(t, 23))
        self._keys = k[4:]

    @staticmethod
    def _tau(x):
        return (_SM4_S[x >> 24] << 24) | (_SM4_S[(x >> 16) & 255] << 16) | (_SM4_S[(x >> 8) & 255] << 8) | _SM4_S[x & 255]

    def encrypt(self, block):
        a, b, c, d = (block >> 96, (block >> 64) & 0xFFFFFFFF, (block >> 32) & 0xFFFFFFFF, block & 0xFFFFFFFF)
        for key in self._keys:
            t = self._tau(b ^ c ^ d ^ key)
            t ^= _rotl32(t, 2) ^ _rotl32(t, 10) ^ _rotl32(t, 18) ^ _rotl32(t, 24)
            a, b, c, d = b, c, d, a ^ t
        return (d << 96) | (c << 64) | (b << 32) | a


class Gcm:
    """One key of either cipher; nonces of 12 bytes, tags of 16."""

    def __init__(self, suite, key):
        self._cipher = {"aes-256-gcm": Aes, "sm4-gcm": Sm4}[suite](key)
        self._tables = self._multiples(self._cipher.encrypt(0))

    @staticmethod
    def _multiples(h):
        """For each of the 16 bytes of a block, the product of H with every value of that byte."""
        powers = []
        v = h
        for _ in range(128):
            powers.append(v)
            v = (v >> 1) ^ (0xE1 << 120 if v & 1 else 0)
        tables = []
        for byte in range(16):
            table = [0] * 256
            for value in range(1, 256):
                low = value & -value
                bit = 8 - low.bit_length()
                table[value] = table[value ^ low] ^ powers[8 * byte + bit]
            tables.append(table)
        return tables

    def _hash(self, data, y):
        for at in range(0, len(data), 16):
            y ^= int.from_bytes(data[at : at + 16].ljust(16, b"\0"), "big")
            product = 0
            for i, table in enumerate(self._tables):
                product ^= table[(y >> (120 - 8 * i)) & 255]
            y = product
        return y

    def open(self, nonce, aad, sealed):
        """The message, or None when the tag does not fit."""
        if len(sealed) < 16:
            return None
        text, tag = sealed[:-16], sealed[-16:]
        y = self._hash(text, self._hash(aad, 0))
        y = self._hash((len(aad) * 8).to_bytes(8, "big") + (len(text) * 8).to_bytes(8, "big"), y)
        counter = int.from_bytes(nonce, "big") << 32
        if (y ^ self._cipher.encrypt(counter | 1)).to_bytes(16, "big") != tag:
            return None
        blocks = -(-len(text) // 16)
        stream = b"".join(self._cipher.encrypt(counter | (i + 2)).to_bytes(16, "big") for i in range(blocks))
        return bytes(a ^ b for a, b in zip(text, stream))
