import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';

import fc from 'fast-check';

import { systemRandom } from '../../src/base/system-random.ts';
import type { Suite } from '../../src/crypto/aead.ts';
import { hkdfSha256 } from '../../src/crypto/kdf.ts';
import { loadLibgcrypt } from '../../src/crypto/libgcrypt.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { BLOB_OVERHEAD_BYTES, keyVersionOf, openBlob, sealBlob } from '../../src/kms/ciphertext-blob.ts';
import { canonicalContext } from '../../src/kms/encryption-context.ts';

const ciphers = nodeCipherBackend();
const KEY_VERSION_ID = '86a9efd9-3d16-4894-bd4f-1fc43f3f2abf';
const keyOf = (suite: Suite, fill = 7) => ({
  keyVersionId: KEY_VERSION_ID,
  suite,
  material: new Uint8Array(suite === 'sm4-gcm' ? 16 : 32).fill(fill),
});
const CONTEXT = { 'acs:ecs:disk-id': 'd-1', b: '2' };
const TEXT = Buffer.from('thirty-two bytes of a data key..');

/** salt 00 01 02 …, nonce 00 01 …, material 07 …, context {a: "1", é: ""}, plaintext "sealdisk" */
const GOLDEN: Readonly<Record<Suite, string>> = {
  'aes-256-gcm':
    '38366139656664392d336431362d343839342d626434662d31666334336633663261626601000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f48d15cb2914b58e07ba6b2c5e7a698f73dc74afe438152547db2032dec90fbd1000102030405060708090a0bb359e9c87f2c3de6a4fd676323035aeca168fb6307c5b9e5',
  'sm4-gcm':
    '38366139656664392d336431362d343839342d626434662d31666334336633663261626602000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f475e50368cd248728c15d7018fbe624d57d22b294dfb5268dd2e3f17b9f22298000102030405060708090a0b6519187b49aafe045293467090182b1c8de28f73bb87f2c4',
};

for (const suite of ['aes-256-gcm', 'sm4-gcm'] as const) {
  test(`a ${suite} blob of format 1 is written and read as documented, with either cipher library`, () => {
    const counting = { bytes: (length: number) => Uint8Array.from({ length }, (_, index) => index) };
    for (const backend of [ciphers, loadLibgcrypt()]) {
      const blob = sealBlob(backend, counting, keyOf(suite), { é: '', a: '1' }, Buffer.from('sealdisk'));
      assert.equal(Buffer.from(blob).toString('hex'), GOLDEN[suite]);
      const opened = openBlob(backend, keyOf(suite), { a: '1', é: '' }, Buffer.from(GOLDEN[suite], 'hex'));
      assert.equal(Buffer.from(opened ?? []).toString(), 'sealdisk');
    }
  });

  test(`every changed byte of a ${suite} blob is refused`, () => {
    const blob = sealBlob(ciphers, systemRandom, keyOf(suite), CONTEXT, TEXT);
    for (let index = 0; index < blob.length; index++) {
      const changed = Uint8Array.from(blob);
      changed[index] = (changed[index] ?? 0) ^ 1;
      assert.equal(openBlob(ciphers, keyOf(suite), CONTEXT, changed), undefined, `byte ${index}`);
    }
    for (const length of [0, 36, BLOB_OVERHEAD_BYTES, blob.length - 1])
      assert.equal(openBlob(ciphers, keyOf(suite), CONTEXT, blob.subarray(0, length)), undefined);
  });

  test(`a ${suite} blob opens under no other key, key version, suite or context`, () => {
    const blob = sealBlob(ciphers, systemRandom, keyOf(suite), CONTEXT, TEXT);
    const other: Suite = suite === 'sm4-gcm' ? 'aes-256-gcm' : 'sm4-gcm';
    assert.deepEqual(
      Buffer.from(openBlob(ciphers, keyOf(suite), { b: '2', 'acs:ecs:disk-id': 'd-1' }, blob) ?? []),
      TEXT,
    );
    assert.equal(openBlob(ciphers, keyOf(suite, 8), CONTEXT, blob), undefined);
    assert.equal(openBlob(ciphers, { ...keyOf(suite), suite: other }, CONTEXT, blob), undefined);
    const otherVersion = '00000000-3d16-4894-bd4f-1fc43f3f2abf';
    assert.equal(openBlob(ciphers, { ...keyOf(suite), keyVersionId: otherVersion }, CONTEXT, blob), undefined);
    for (const context of [{}, { 'acs:ecs:disk-id': 'd-1' }, { ...CONTEXT, b: '3' }, { ...CONTEXT, c: '' }])
      assert.equal(openBlob(ciphers, keyOf(suite), context, blob), undefined);
  });
}

/** As above, under 24 and 16 bytes of material 07 …, made in Python from the page. */
const GOLDEN_SHORTER: Readonly<Record<number, string>> = {
  24: '38366139656664392d336431362d343839342d626434662d31666334336633663261626601000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f7e4325e0e0a467c38914ae2d0fee1ff06a6c8376f6fff5744cacda519d8a6738000102030405060708090a0badf1e796407af0c82264f680eea5b3b11dc125c890f27c20',
  16: '38366139656664392d336431362d343839342d626434662d31666334336633663261626601000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fcf00b5d5a935d1e6328e6fd4944fd74b36dbc90b4d31b5af246f37e827224ca0000102030405060708090a0b204e8512a7eda30cda3632309b738b174c576f66d5ea82c8',
};

test('a blob under AES-192 or AES-128 material is format 1 as well', () => {
  const counting = { bytes: (length: number) => Uint8Array.from({ length }, (_, index) => index) };
  for (const [size, golden] of Object.entries(GOLDEN_SHORTER)) {
    const key = { ...keyOf('aes-256-gcm'), material: new Uint8Array(Number(size)).fill(7) };
    const blob = sealBlob(ciphers, counting, key, { a: '1', é: '' }, Buffer.from('sealdisk'));
    assert.equal(Buffer.from(blob).toString('hex'), golden);
    const opened = openBlob(ciphers, key, { é: '', a: '1' }, Buffer.from(golden, 'hex'));
    assert.equal(Buffer.from(opened ?? []).toString(), 'sealdisk');
  }
});

test('a blob whose commitment is not that of its key is refused, though its tag fits', () => {
  const blob = sealBlob(ciphers, systemRandom, keyOf('aes-256-gcm'), {}, TEXT);
  blob.fill(0x11, 69, 101);
  const info = `sealdisk/ciphertext-blob/v1/${KEY_VERSION_ID}/aes-256-gcm`;
  const key = hkdfSha256(keyOf('aes-256-gcm').material, blob.subarray(37, 69), info, 32);
  const aead = ciphers.createAead('aes-256-gcm', key);
  const none = new Uint8Array(0);
  aead.seal(blob.subarray(101, 113), blob.subarray(0, 101), TEXT, none, blob.subarray(113));
  assert.ok(aead.open(blob.subarray(101, 113), blob.subarray(0, 101), blob.subarray(113), new Uint8Array(32), none));
  assert.equal(openBlob(ciphers, keyOf('aes-256-gcm'), {}, blob), undefined);
});

test('a blob names its key version, and other bytes name none', () => {
  const blob = sealBlob(ciphers, systemRandom, keyOf('aes-256-gcm'), {}, TEXT);
  assert.equal(keyVersionOf(blob), KEY_VERSION_ID);
  assert.equal(keyVersionOf(blob.subarray(0, BLOB_OVERHEAD_BYTES - 1)), undefined);
  assert.equal(keyVersionOf(systemRandom.bytes(200)), undefined);
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      (bytes) => openBlob(ciphers, keyOf('sm4-gcm'), {}, bytes) === undefined,
    ),
  );
});

test('the encryption context is one byte string whatever its order, and two contexts are never the same', () => {
  const context = fc.dictionary(fc.string(), fc.string(), { maxKeys: 5 });
  fc.assert(
    fc.property(context, context, (one, two) => {
      const reversed = Object.fromEntries(Object.entries(one).reverse());
      assert.deepEqual(canonicalContext(one), canonicalContext(reversed));
      const same = isDeepStrictEqual(new Map(Object.entries(one)), new Map(Object.entries(two)));
      const wellFormed = [one, two].every((c) =>
        Object.entries(c)
          .flat()
          .every((text) => text.isWellFormed()),
      );
      if (wellFormed) assert.equal(Buffer.compare(canonicalContext(one), canonicalContext(two)) === 0, same);
    }),
  );
  assert.notDeepEqual(canonicalContext({ ab: 'c' }), canonicalContext({ a: 'bc' }));
});
