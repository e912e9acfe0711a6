import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import type { Key, KeySpec, KeyUsage } from '../../src/metadata/keys.ts';
import { assertSameBytes, newKey, openTestKms, SCOPE } from './open-test-kms.ts';
import type { TestKms } from './open-test-kms.ts';

const DIGEST = new Uint8Array(32).fill(3);
const TEXT = Buffer.from('text');

const make = (t: TestKms, keySpec: KeySpec, keyUsage: KeyUsage = 'SIGN/VERIFY'): Promise<Key> =>
  t.keys.create(SCOPE, { ...newKey(SCOPE, keySpec), keyUsage });
const versionOf = (key: Key) => ({ key, keyVersionId: key.primaryVersionId });

test('a private key lies sealed in its file, and works after a restart', async () => {
  await using t = await openTestKms();
  const key = await make(t, 'EC_P256');
  const signature = await t.keyPairs.sign(versionOf(key), 'ECDSA_SHA_256', DIGEST);
  const again = await t.reopen();
  assert.ok(await again.keyPairs.verify(versionOf(key), 'ECDSA_SHA_256', DIGEST, signature));
  assertSameBytes(await again.keyPairs.publicKey(versionOf(key)), await t.keyPairs.publicKey(versionOf(key)));
  const file = await readFile(path.join(t.directory, 'keys', key.primaryVersionId));
  assert.ok(!file.includes(Buffer.from('2a8648ce3d030107', 'hex')), 'not even the curve can be read');
});

test('a key does what its usage says and nothing else', async () => {
  await using t = await openTestKms();
  const signing = versionOf(await make(t, 'EC_SM2'));
  const encrypting = versionOf(await make(t, 'EC_SM2', 'ENCRYPT/DECRYPT'));
  const ciphertext = await t.keyPairs.encrypt(encrypting, 'SM2PKE', TEXT);
  assertSameBytes(await t.keyPairs.decrypt('AsymmetricDecrypt', encrypting, 'SM2PKE', ciphertext), TEXT);
  const signature = await t.keyPairs.sign(signing, 'SM2DSA', DIGEST);
  const unsuitable = { kind: 'invalid', code: 'KEY_SPEC_UNSUITABLE' };
  await assert.rejects(t.keyPairs.encrypt(signing, 'SM2PKE', TEXT), unsuitable);
  await assert.rejects(t.keyPairs.decrypt('AsymmetricDecrypt', signing, 'SM2PKE', ciphertext), unsuitable);
  await assert.rejects(t.keyPairs.sign(encrypting, 'SM2DSA', DIGEST), unsuitable);
  await assert.rejects(t.keyPairs.verify(encrypting, 'SM2DSA', DIGEST, signature), unsuitable);
  const symmetric = versionOf(await t.makeKey());
  await assert.rejects(t.keyPairs.publicKey(symmetric), unsuitable);
  await assert.rejects(t.keyPairs.encrypt(symmetric, 'SM2PKE', TEXT), unsuitable);
});

test('an algorithm of another kind of key is refused before the key is opened', async () => {
  await using t = await openTestKms();
  const curve = versionOf(await make(t, 'EC_P256K'));
  const sm2 = versionOf(await make(t, 'EC_SM2', 'ENCRYPT/DECRYPT'));
  for (const algorithm of ['RSA_PSS_SHA_256', 'RSA_PKCS1_SHA_256', 'SM2DSA'] as const)
    await assert.rejects(t.keyPairs.sign(curve, algorithm, DIGEST), { code: 'ALGORITHM_UNSUITABLE' });
  await assert.rejects(t.keyPairs.encrypt(sm2, 'RSAES_OAEP_SHA_1', TEXT), { code: 'ALGORITHM_UNSUITABLE' });
});

test('a version of another key, and one that never was, look the same', async () => {
  await using t = await openTestKms();
  const [key, other] = [await make(t, 'EC_P256'), await make(t, 'EC_P256')];
  const never = '00000000-0000-4000-8000-000000000000';
  const messages = [];
  for (const keyVersionId of [other.primaryVersionId, never, 'not a version']) {
    const failure = await t.keyPairs
      .sign({ key, keyVersionId }, 'ECDSA_SHA_256', DIGEST)
      .catch((error: Error) => error);
    assert.ok(failure instanceof Error && 'code' in failure && failure.code === 'KEY_VERSION_NOT_FOUND');
    messages.push(failure.message);
  }
  assert.equal(new Set(messages).size, 1);
});

test('every way in which a ciphertext does not open has one answer', async () => {
  await using t = await openTestKms();
  const key = versionOf(await make(t, 'RSA_2048', 'ENCRYPT/DECRYPT'));
  const ciphertext = await t.keyPairs.encrypt(key, 'RSAES_OAEP_SHA_256', TEXT);
  const changed = Uint8Array.from(ciphertext).fill(9, 20, 40);
  const answers = new Set<string>();
  for (const [algorithm, bytes] of [
    ['RSAES_OAEP_SHA_256', changed],
    ['RSAES_OAEP_SHA_1', ciphertext],
    ['RSAES_OAEP_SHA_256', ciphertext.subarray(1)],
    ['RSAES_OAEP_SHA_256', new Uint8Array(256)],
    ['RSAES_OAEP_SHA_256', new Uint8Array(256).fill(0xff)],
  ] as const) {
    const failure = await t.keyPairs.decrypt('AsymmetricDecrypt', key, algorithm, bytes).catch((error: Error) => error);
    assert.ok(failure instanceof Error && 'code' in failure);
    answers.add(`${String(failure.code)} ${failure.message}`);
  }
  assert.equal(answers.size, 1, [...answers].join('\n'));
});

test('more than fits is refused with the limit, for keys of ours and public keys of others', async () => {
  await using t = await openTestKms();
  const key = versionOf(await make(t, 'RSA_2048', 'ENCRYPT/DECRYPT'));
  await assert.rejects(t.keyPairs.encrypt(key, 'RSAES_OAEP_SHA_256', new Uint8Array(191)), {
    code: 'PLAINTEXT_TOO_LONG',
    message: /190/,
  });
  const der = await t.keyPairs.publicKey(key);
  const under = (spec: 'RSA_2048' | 'EC_SM2', bytes: Uint8Array, size: number) => () =>
    t.keyPairs.encryptFor({ spec, der: bytes }, 'RSAES_OAEP_SHA_1', new Uint8Array(size));
  assert.equal(under('RSA_2048', der, 214)().length, 256);
  assert.throws(under('RSA_2048', der, 215), { code: 'PLAINTEXT_TOO_LONG' });
  assert.throws(under('EC_SM2', der, 1), { code: 'PUBLIC_KEY_REFUSED' });
  assert.throws(under('RSA_2048', DIGEST, 1), { code: 'PUBLIC_KEY_REFUSED' });
});
