import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemRandom } from '../../src/base/system-random.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { openImportToken, sealImportToken } from '../../src/kms/import-token.ts';
import { SealedBytes } from '../../src/kms/sealed-bytes.ts';
import { assertSameBytes } from './open-test-kms.ts';

const KEY_ID = '0e478b7a-4262-4802-b8cb-00d3fb40826b';
const PRIVATE_KEY = Buffer.from('a PKCS #8 private key in DER');
const TOKEN = { algorithm: 'RSAES_OAEP_SHA_256', expiresMs: Date.UTC(2026, 10, 24), privateKey: PRIVATE_KEY } as const;

const sealer = () => new SealedBytes(nodeCipherBackend(), systemRandom, new Uint8Array(32).fill(1));

/** What the token above is inside its seal, field by field from the page. */
const GOLDEN = `0103${'002cda0aa2010000'}${PRIVATE_KEY.toString('hex')}`;

test('a token is written and read as documented', () => {
  const sealed = sealImportToken(sealer(), KEY_ID, TOKEN);
  assert.equal(Buffer.from(sealer().open(`import-token:${KEY_ID}`, sealed)).toString('hex'), GOLDEN);
  const made = sealer().seal(`import-token:${KEY_ID}`, Buffer.from(GOLDEN, 'hex'));
  const opened = openImportToken(sealer(), KEY_ID, made) ?? assert.fail('it opens');
  assert.deepEqual([opened.algorithm, opened.expiresMs], [TOKEN.algorithm, TOKEN.expiresMs]);
  using secret = opened.privateKey;
  assertSameBytes(secret.reveal(), PRIVATE_KEY);
});

for (const [algorithm, number] of [
  ['RSAES_PKCS1_V1_5', 1],
  ['RSAES_OAEP_SHA_1', 2],
  ['RSAES_OAEP_SHA_256', 3],
  ['SM2PKE', 4],
] as const) {
  test(`the number of ${algorithm} is ${number}`, () => {
    const sealed = sealImportToken(sealer(), KEY_ID, { ...TOKEN, algorithm });
    assert.equal(sealer().open(`import-token:${KEY_ID}`, sealed)[1], number);
    assert.equal(openImportToken(sealer(), KEY_ID, sealed)?.algorithm, algorithm);
  });
}

test('a token opens for its own key, unchanged, and under its own root key alone', () => {
  const sealed = sealImportToken(sealer(), KEY_ID, TOKEN);
  assert.equal(openImportToken(sealer(), KEY_ID.replace('0', '1'), sealed), undefined);
  const otherRoot = new SealedBytes(nodeCipherBackend(), systemRandom, new Uint8Array(32).fill(2));
  assert.equal(openImportToken(otherRoot, KEY_ID, sealed), undefined);
  for (let index = 0; index < sealed.length; index++) {
    const changed = Uint8Array.from(sealed);
    changed[index] = (changed[index] ?? 0) ^ 1;
    assert.equal(openImportToken(sealer(), KEY_ID, changed), undefined, `byte ${index}`);
  }
  for (const length of [0, 1, 33, 48, sealed.length - 1])
    assert.equal(openImportToken(sealer(), KEY_ID, sealed.subarray(0, length)), undefined);
});

test('a sealed string of another version, algorithm or purpose is no token', () => {
  const seal = (hex: string, context = `import-token:${KEY_ID}`) => sealer().seal(context, Buffer.from(hex, 'hex'));
  for (const hex of [
    `02${GOLDEN.slice(2)}`,
    `0100${GOLDEN.slice(4)}`,
    `0105${GOLDEN.slice(4)}`,
    GOLDEN.slice(0, 20),
    '',
  ])
    assert.equal(openImportToken(sealer(), KEY_ID, seal(hex)), undefined);
  assert.equal(openImportToken(sealer(), KEY_ID, seal(GOLDEN, `key-version:${KEY_ID}`)), undefined);
});
