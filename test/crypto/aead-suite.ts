import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { KEY_SIZE_BYTES, NONCE_SIZE_BYTES, TAG_SIZE_BYTES } from '../../src/crypto/aead.ts';
import type { Aead, CipherBackend, Suite } from '../../src/crypto/aead.ts';

const EMPTY = new Uint8Array(0);
const SUITES: readonly Suite[] = ['aes-256-gcm', 'sm4-gcm'];

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const MCGREW_KEY = 'feffe9928665731c6d6a8f9467308308 feffe9928665731c6d6a8f9467308308';
const MCGREW_TEXT =
  'd9313225f88406e5a55909c5aff5269a 86a7a9531534f7da2e4c303d8a318a72 1c3c0c95956809532fcf0e2449a6b525 b16aedf5aa0de657ba637b39';
const MCGREW_SEALED =
  '522dc1f099567d07f47f37a32a84427d 643a8cdcbfe5c0c97598a2bd2555d1aa 8cb08e48590dbb3da7b08b1056828838 c5f61e6393ba7a0abcc9f662';

/** Sources: McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13-16; RFC 8998 appendix A.1. */
const PUBLISHED = [
  {
    name: 'McGrew-Viega case 13',
    suite: 'aes-256-gcm',
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    aad: '',
    plaintext: '',
    sealed: '530f8afbc74536b9a963b4f1c4cb738b',
  },
  {
    name: 'McGrew-Viega case 14',
    suite: 'aes-256-gcm',
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    aad: '',
    plaintext: '00'.repeat(16),
    sealed: 'cea7403d4d606b6e074ec5d3baf39d18 d0d1c8a799996bf0265b98b5d48ab919',
  },
  {
    name: 'McGrew-Viega case 15',
    suite: 'aes-256-gcm',
    key: MCGREW_KEY,
    nonce: 'cafebabefacedbaddecaf888',
    aad: '',
    plaintext: `${MCGREW_TEXT} 1aafd255`,
    sealed: `${MCGREW_SEALED} 898015ad b094dac5d93471bdec1a502270e3cc6c`,
  },
  {
    name: 'McGrew-Viega case 16',
    suite: 'aes-256-gcm',
    key: MCGREW_KEY,
    nonce: 'cafebabefacedbaddecaf888',
    aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    plaintext: MCGREW_TEXT,
    sealed: `${MCGREW_SEALED} 76fc6ece0f4e1768cddf8853bb2d551b`,
  },
  {
    name: 'RFC 8998 appendix A.1',
    suite: 'sm4-gcm',
    key: '0123456789abcdeffedcba9876543210',
    nonce: '00001234567800000000abcd',
    aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    plaintext: `${'aa'.repeat(8)}${'bb'.repeat(8)}${'cc'.repeat(8)}${'dd'.repeat(8)}${'ee'.repeat(8)}${'ff'.repeat(8)}${'ee'.repeat(8)}${'aa'.repeat(8)}`,
    sealed: `17f399f08c67d5ee19d0dc9969c4bb7d 5fd46fd3756489069157b282bb200735
             d82710ca5c22f0ccfa7cbf93d496ac15 a56834cbcf98c397b4024a2691233b8d
             83de3541e4c2b58177e065a9bf7b62ec`,
  },
] as const;

function seal(aead: Aead, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, tail: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(plaintext.length + tail.length + TAG_SIZE_BYTES);
  aead.seal(nonce, aad, plaintext, tail, sealed);
  return sealed;
}

/** What every CipherBackend promises (src/crypto/aead.ts). `reference` is another backend to agree with. */
export function aeadSuite(backend: CipherBackend, reference: CipherBackend): void {
  for (const vector of PUBLISHED) {
    test(`${backend.name} reproduces ${vector.name}, sealing and opening`, () => {
      const aead = backend.createAead(vector.suite, hex(vector.key));
      const plaintext = hex(vector.plaintext);
      const sealed = seal(aead, hex(vector.nonce), hex(vector.aad), plaintext, EMPTY);
      assert.equal(toHex(sealed), toHex(hex(vector.sealed)));
      const opened = new Uint8Array(plaintext.length).fill(9);
      assert.ok(aead.open(hex(vector.nonce), hex(vector.aad), sealed, opened, EMPTY));
      assert.deepEqual(opened, plaintext);
      aead.wipe();
    });
  }

  for (const suite of SUITES) {
    const keyOf = (fill: number): Uint8Array => new Uint8Array(KEY_SIZE_BYTES[suite]).fill(fill);

    test(`${backend.name} agrees with ${reference.name} on random ${suite} messages, with and without a tail`, () => {
      const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
        fc.uint8Array({ minLength: length, maxLength: length });
      const message = fc.oneof(
        fc.tuple(fc.uint8Array({ maxLength: 200 }), fc.constant(EMPTY)),
        fc.tuple(
          fc.integer({ min: 0, max: 20 }).chain((blocks) => bytes(blocks * 16)),
          fc.uint8Array({ minLength: 1, maxLength: 40 }),
        ),
      );
      const inputs = [
        bytes(KEY_SIZE_BYTES[suite]),
        bytes(NONCE_SIZE_BYTES),
        fc.uint8Array({ maxLength: 50 }),
        message,
      ] as const;
      fc.assert(
        fc.property(...inputs, (key, nonce, aad, [plaintext, tail]) => {
          const mine = backend.createAead(suite, key);
          const other = reference.createAead(suite, key);
          const sealed = seal(mine, nonce, aad, plaintext, tail);
          assert.deepEqual(sealed, seal(other, nonce, aad, plaintext, tail));
          const opened = [new Uint8Array(plaintext.length), new Uint8Array(tail.length)] as const;
          assert.ok(mine.open(nonce, aad, sealed, ...opened));
          assert.deepEqual(opened, [plaintext, tail]);
          mine.wipe();
          other.wipe();
        }),
        { numRuns: 150 },
      );
    });

    test(`${backend.name} refuses any single changed bit of a ${suite} message, its data, nonce or key, and zeroes the output`, () => {
      const nonce = new Uint8Array(12).fill(1);
      const aad = Uint8Array.of(1, 2, 3, 4);
      const aead = backend.createAead(suite, keyOf(7));
      const sealed = seal(aead, nonce, aad, new Uint8Array(32).fill(5), Uint8Array.of(6, 6, 6));
      const refused = (with_: Aead, n: Uint8Array, a: Uint8Array, s: Uint8Array): void => {
        const plaintext = new Uint8Array(32).fill(9);
        const tail = new Uint8Array(3).fill(9);
        assert.equal(with_.open(n, a, s, plaintext, tail), false);
        assert.deepEqual([...plaintext, ...tail], Array<number>(35).fill(0));
      };
      for (let bit = 0; bit < sealed.length * 8; bit++) refused(aead, nonce, aad, flipped(sealed, bit));
      for (let bit = 0; bit < aad.length * 8; bit++) refused(aead, nonce, flipped(aad, bit), sealed);
      for (let bit = 0; bit < nonce.length * 8; bit++) refused(aead, flipped(nonce, bit), aad, sealed);
      refused(aead, nonce, EMPTY, sealed);
      const otherKey = backend.createAead(suite, keyOf(8));
      refused(otherKey, nonce, aad, sealed);
      const plaintext = new Uint8Array(32);
      assert.ok(aead.open(nonce, aad, sealed, plaintext, new Uint8Array(3)), 'a refusal leaves the key usable');
      aead.wipe();
      otherKey.wipe();
    });

    test(`${backend.name} does not touch what it seals, and does not keep the ${suite} key that it was given`, () => {
      const key = keyOf(3);
      const aead = backend.createAead(suite, key);
      const plaintext = new Uint8Array(4096).fill(0x5a);
      const tail = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
      const before = seal(aead, new Uint8Array(12), EMPTY, plaintext, tail);
      key.fill(0);
      assert.deepEqual(seal(aead, new Uint8Array(12), EMPTY, plaintext, tail), before);
      assert.ok(plaintext.every((byte) => byte === 0x5a));
      assert.deepEqual(tail, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
      aead.wipe();
    });

    test(`${backend.name} writes a ${suite} message into its place in a larger buffer and nowhere else`, () => {
      const aead = backend.createAead(suite, keyOf(4));
      const slab = new Uint8Array(3 * 4128).fill(0xee);
      const slot = slab.subarray(4128, 4128 + 4096 + 8 + 16);
      aead.seal(new Uint8Array(12), EMPTY, new Uint8Array(4096), new Uint8Array(8), slot);
      assert.ok(slab.subarray(0, 4128).every((byte) => byte === 0xee));
      assert.ok(slab.subarray(4128 + 4120).every((byte) => byte === 0xee));
      const out = new Uint8Array(4096 + 64).fill(0xee);
      assert.ok(aead.open(new Uint8Array(12), EMPTY, slot, out.subarray(32, 32 + 4096), new Uint8Array(8)));
      assert.ok(
        out.subarray(0, 32).every((byte) => byte === 0xee) && out.subarray(32 + 4096).every((byte) => byte === 0xee),
      );
      assert.ok(out.subarray(32, 32 + 4096).every((byte) => byte === 0));
      aead.wipe();
    });

    test(`${backend.name} refuses to use a wiped ${suite} key, and to wipe is harmless twice`, () => {
      const aead = backend.createAead(suite, keyOf(5));
      const sealed = seal(aead, new Uint8Array(12), EMPTY, new Uint8Array(16), EMPTY);
      aead.wipe();
      aead.wipe();
      assert.throws(() => seal(aead, new Uint8Array(12), EMPTY, new Uint8Array(16), EMPTY), /wiped/);
      assert.throws(() => aead.open(new Uint8Array(12), EMPTY, sealed, new Uint8Array(16), EMPTY), /wiped/);
    });

    test(`${backend.name} treats wrong sizes as bugs of the ${suite} caller`, () => {
      assert.throws(() => backend.createAead(suite, new Uint8Array(KEY_SIZE_BYTES[suite] - 1)));
      const aead = backend.createAead(suite, keyOf(6));
      const nonce = new Uint8Array(12);
      assert.throws(() => seal(aead, new Uint8Array(16), EMPTY, new Uint8Array(16), EMPTY));
      assert.throws(() => aead.seal(nonce, EMPTY, new Uint8Array(16), EMPTY, new Uint8Array(16)));
      assert.throws(() => seal(aead, nonce, EMPTY, new Uint8Array(15), new Uint8Array(1)));
      aead.wipe();
    });

    test(`${backend.name} keeps 600 ${suite} keys open at once`, () => {
      const open = Array.from({ length: 600 }, (_, index) => backend.createAead(suite, keyOf(index % 256)));
      const first = seal(open[0] as Aead, new Uint8Array(12), EMPTY, new Uint8Array(16), EMPTY);
      assert.deepEqual(seal(open[256] as Aead, new Uint8Array(12), EMPTY, new Uint8Array(16), EMPTY), first);
      assert.notDeepEqual(seal(open[599] as Aead, new Uint8Array(12), EMPTY, new Uint8Array(16), EMPTY), first);
      for (const aead of open) aead.wipe();
    });
  }
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[Math.floor(bit / 8)] = (copy[Math.floor(bit / 8)] ?? 0) ^ (1 << (bit % 8));
  return copy;
}
