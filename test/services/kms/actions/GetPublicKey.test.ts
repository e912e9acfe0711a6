import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { test } from 'node:test';

import { openKmsApi } from '../call-kms.ts';

for (const [KeySpec, type, details] of [
  ['RSA_2048', 'rsa', { modulusLength: 2048, publicExponent: 65537n }],
  ['RSA_3072', 'rsa', { modulusLength: 3072, publicExponent: 65537n }],
  ['EC_P256', 'ec', { namedCurve: 'prime256v1' }],
  ['EC_P256K', 'ec', { namedCurve: 'secp256k1' }],
] as const) {
  test(`GetPublicKey answers PEM of a key that is ${KeySpec}`, async () => {
    await using api = await openKmsApi();
    const key = await api.createKeyPair(KeySpec, 'SIGN/VERIFY');
    const answer = await api.call('GetPublicKey', key);
    assert.deepEqual([answer.KeyId, answer.KeyVersionId], [key.KeyId, key.KeyVersionId]);
    const publicKey = createPublicKey(answer.PublicKey);
    assert.equal(publicKey.asymmetricKeyType, type);
    assert.deepEqual(publicKey.asymmetricKeyDetails, details);
    assert.equal(publicKey.export({ type: 'spki', format: 'pem' }), answer.PublicKey);
    assert.deepEqual(await api.call('GetPublicKey', key), answer);
  });
}

test('GetPublicKey answers PEM of a point on the SM2 curve', async () => {
  await using api = await openKmsApi();
  const { PublicKey } = await api.call('GetPublicKey', await api.createKeyPair('EC_SM2', 'SIGN/VERIFY'));
  const der = Buffer.from(PublicKey.replaceAll(/-----.*-----|\n/g, ''), 'base64').toString('hex');
  assert.match(der, /^3059301306072a8648ce3d020106082a811ccf5501822d03420004[0-9a-f]{128}$/);
});

test('GetPublicKey refuses keys that have none, unknown versions and dry runs', async () => {
  await using api = await openKmsApi();
  for (const [KeySpec, KeyUsage] of [
    ['Aliyun_AES_256', 'ENCRYPT/DECRYPT'],
    ['HMAC_SM3', 'GENERATE/VERIFY_MAC'],
  ] as const)
    await api.refused('GetPublicKey', await api.createKeyPair(KeySpec, KeyUsage), 'InvalidParameter', 400);
  const key = await api.createKeyPair('EC_P256', 'SIGN/VERIFY');
  await api.refused('GetPublicKey', { ...key, KeyVersionId: 'v' }, 'Forbidden.KeyVersionNotFound', 404);
  await api.refused('GetPublicKey', { ...key, KeyId: 'none' }, 'Forbidden.KeyNotFound', 404);
  await api.refused('GetPublicKey', { ...key, DryRun: 'true' }, 'DryRunOperationError', 400);
  await api.call('DisableKey', { KeyId: key.KeyId });
  await api.refused('GetPublicKey', key, 'Rejected.Disabled', 409);
});
