import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hkdfSha256, hmacSha256, scryptKey } from '../../src/crypto/kdf.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('HKDF-SHA-256 reproduces RFC 5869 test case 3', () => {
  const key = hkdfSha256(hex('0b'.repeat(22)), new Uint8Array(0), '', 42);
  assert.equal(toHex(key), '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8');
});

test('HKDF gives other keys for another purpose, another salt and another secret', () => {
  const secret = new Uint8Array(32).fill(1);
  const salt = new Uint8Array(32);
  const keys = [
    hkdfSha256(secret, salt, 'a', 32),
    hkdfSha256(secret, salt, 'b', 32),
    hkdfSha256(secret, new Uint8Array(32).fill(1), 'a', 32),
    hkdfSha256(new Uint8Array(32).fill(2), salt, 'a', 32),
  ];
  assert.equal(new Set(keys.map(toHex)).size, 4);
});

test('HMAC-SHA-256 reproduces RFC 4231 test case 2 over its parts in order', () => {
  const expected = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
  assert.equal(
    toHex(hmacSha256(Buffer.from('Jefe'), Buffer.from('what do ya want '), Buffer.from('for nothing?'))),
    expected,
  );
});

test('scrypt reproduces the first 32 bytes of RFC 7914 section 12, second vector', async () => {
  const key = await scryptKey(Buffer.from('password'), Buffer.from('NaCl'), { n: 1024, r: 8, p: 16 });
  assert.equal(toHex(key), 'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162');
});

test('scrypt parameters that would take gigabytes are refused', () => {
  assert.throws(() => scryptKey(Buffer.from('p'), Buffer.from('s'), { n: 2 ** 24, r: 8, p: 1 }));
});
