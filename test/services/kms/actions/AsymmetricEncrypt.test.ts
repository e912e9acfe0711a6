import assert from 'node:assert/strict';
import { test } from 'node:test';

import { base64, openKmsApi } from '../call-kms.ts';

const bytes = (size: number): string => Buffer.alloc(size, 7).toString('base64');

for (const [KeySpec, Algorithm, limit, size] of [
  ['RSA_2048', 'RSAES_OAEP_SHA_256', 190, 256],
  ['RSA_2048', 'RSAES_OAEP_SHA_1', 214, 256],
  ['RSA_3072', 'RSAES_OAEP_SHA_256', 318, 384],
  ['RSA_3072', 'RSAES_OAEP_SHA_1', 342, 384],
  ['EC_SM2', 'SM2PKE', 6047, 6144],
] as const) {
  test(`AsymmetricEncrypt with ${Algorithm} under ${KeySpec} takes ${limit} bytes and not one more`, async () => {
    await using api = await openKmsApi();
    const key = await api.createKeyPair(KeySpec, 'ENCRYPT/DECRYPT');
    const sealed = await api.call('AsymmetricEncrypt', { ...key, Algorithm, Plaintext: bytes(limit) });
    assert.deepEqual([sealed.KeyId, sealed.KeyVersionId], [key.KeyId, key.KeyVersionId]);
    assert.equal(Buffer.from(sealed.CiphertextBlob, 'base64').length, size);
    const { CiphertextBlob } = sealed;
    const opened = await api.call('AsymmetricDecrypt', { ...key, Algorithm, CiphertextBlob });
    assert.equal(opened.Plaintext, bytes(limit));
    const tooLong = { ...key, Algorithm, Plaintext: bytes(limit + 1) };
    await api.refused('AsymmetricEncrypt', tooLong, 'InvalidParameter', 400);
  });
}

test('AsymmetricEncrypt takes an alias, refuses other keys and algorithms, and never succeeds as a dry run', async () => {
  await using api = await openKmsApi();
  const key = await api.createKeyPair('EC_SM2', 'ENCRYPT/DECRYPT');
  const input = { ...key, Algorithm: 'SM2PKE', Plaintext: base64('x') };
  await api.call('CreateAlias', { KeyId: key.KeyId, AliasName: 'alias/x' });
  assert.equal((await api.call('AsymmetricEncrypt', { ...input, KeyId: 'alias/x' })).KeyId, key.KeyId);
  const signing = await api.createKeyPair('EC_SM2', 'SIGN/VERIFY');
  const symmetric = await api.createKeyPair('Aliyun_AES_256', 'ENCRYPT/DECRYPT');
  const invalid = [signing, symmetric, { Algorithm: 'RSAES_OAEP_SHA_256' }, { Algorithm: 'SM2DSA' }, { Plaintext: '' }];
  for (const change of invalid)
    await api.refused('AsymmetricEncrypt', { ...input, ...change }, 'InvalidParameter', 400);
  const { KeyVersionId } = signing;
  await api.refused('AsymmetricEncrypt', { ...input, KeyVersionId }, 'Forbidden.KeyVersionNotFound', 404);
  await api.refused('AsymmetricEncrypt', { ...input, KeyId: 'none' }, 'Forbidden.KeyNotFound', 404);
  await api.refused('AsymmetricEncrypt', { ...input, DryRun: 'true' }, 'DryRunOperationError', 400);
});

test('AsymmetricEncrypt asks for a permission on the key', async () => {
  await using api = await openKmsApi();
  const { KeyId } = await api.createKeyPair('EC_SM2', 'ENCRYPT/DECRYPT');
  const [access] = await api.access('AsymmetricEncrypt', { KeyId });
  assert.deepEqual([access?.action, access?.resource.endsWith(`key/${KeyId}`)], ['kms:AsymmetricEncrypt', true]);
});
