import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { test } from 'node:test';

import { openKmsApi } from '../call-kms.ts';

const RSA = { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' };

test('GetParametersForImport answers another public key and token every time, good for a day', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey({ Origin: 'EXTERNAL' });
  const one = await api.call('GetParametersForImport', { KeyId, ...RSA });
  const two = await api.call('GetParametersForImport', { KeyId, ...RSA });
  assert.deepEqual([one.KeyId, one.TokenExpireTime], [KeyId, '2026-11-24T00:00:00Z']);
  assert.ok(one.PublicKey !== two.PublicKey && one.ImportToken !== two.ImportToken);
  const key = createPublicKey({ key: Buffer.from(one.PublicKey, 'base64'), type: 'spki', format: 'der' });
  assert.equal(key.asymmetricKeyDetails?.modulusLength, 2048);
  const sm2 = { KeyId, WrappingAlgorithm: 'SM2PKE', WrappingKeySpec: 'EC_SM2' };
  const { PublicKey } = await api.call('GetParametersForImport', sm2);
  assert.match(Buffer.from(PublicKey, 'base64').toString('hex'), /2a811ccf5501822d03420004[0-9a-f]{128}$/);
});

test('GetParametersForImport refuses keys of ours, aliases, and algorithms that do not go with the kind of key', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey({ Origin: 'EXTERNAL' });
  await api.call('CreateAlias', { KeyId, AliasName: 'alias/x' });
  for (const [WrappingKeySpec, WrappingAlgorithm] of [
    ['RSA_2048', 'SM2PKE'],
    ['EC_SM2', 'RSAES_OAEP_SHA_256'],
    ['RSA_3072', 'RSAES_OAEP_SHA_256'],
    ['RSA_2048', 'RSAES_OAEP_SHA_512'],
  ])
    await api.refused('GetParametersForImport', { KeyId, WrappingKeySpec, WrappingAlgorithm }, 'InvalidParameter', 400);
  await api.refused('GetParametersForImport', { ...RSA, KeyId: 'alias/x' }, 'Unsupported.Alias', 400);
  await api.refused('GetParametersForImport', { ...RSA, KeyId: 'none' }, 'Forbidden.KeyNotFound', 404);
  const own = await api.createKey();
  await api.refused('GetParametersForImport', { ...RSA, KeyId: own }, 'Unsupported.Origin', 400);
});
