import assert from 'node:assert/strict';
import { test } from 'node:test';

import { generatePrivateKey } from '../../../../src/crypto/key-pair.ts';
import { loadOpenssl } from '../../../../src/crypto/openssl.ts';
import { base64, openKmsApi } from '../call-kms.ts';

const backend = loadOpenssl();

for (const [WrappingKeySpec, WrappingAlgorithm] of [
  ['RSA_2048', 'RSAES_OAEP_SHA_256'],
  ['RSA_2048', 'RSAES_OAEP_SHA_1'],
  ['EC_SM2', 'SM2PKE'],
] as const) {
  test(`GenerateAndExportDataKey gives one key twice: to KMS and to a private key of ${WrappingKeySpec} with ${WrappingAlgorithm}`, async () => {
    await using api = await openKmsApi();
    const KeyId = await api.createKey();
    using pair = backend.openPrivate(await generatePrivateKey(WrappingKeySpec));
    const PublicKeyBlob = pair.publicKeyDer().toBase64();
    const EncryptionContext = { a: '1' };
    const input = { KeyId, PublicKeyBlob, WrappingKeySpec, WrappingAlgorithm, NumberOfBytes: 64, EncryptionContext };
    const made = await api.call('GenerateAndExportDataKey', input);
    const names = ['CiphertextBlob', 'ExportedDataKey', 'KeyId', 'KeyVersionId'];
    assert.deepEqual(Object.keys(made).sort(), names, 'and no plaintext');
    const { Plaintext } = await api.call('Decrypt', { CiphertextBlob: made.CiphertextBlob, EncryptionContext });
    const exported = pair.decrypt(WrappingAlgorithm, Buffer.from(made.ExportedDataKey, 'base64'));
    assert.equal(Buffer.from(exported ?? []).toString('base64'), Plaintext);
    assert.equal(exported?.length, 64);
  });
}

test('GenerateAndExportDataKey refuses public keys that are none or of another kind, and what does not fit', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  using rsa = backend.openPrivate(await generatePrivateKey('RSA_2048'));
  using curve = backend.openPrivate(await generatePrivateKey('EC_P256'));
  const blobOf = (der: Uint8Array) => ({ PublicKeyBlob: der.toBase64() });
  const input = {
    KeyId,
    ...blobOf(rsa.publicKeyDer()),
    WrappingKeySpec: 'RSA_2048',
    WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
  };
  await api.call('GenerateAndExportDataKey', input);
  const invalid = [
    { PublicKeyBlob: base64('no key') },
    { PublicKeyBlob: '' },
    blobOf(curve.publicKeyDer()),
    { ...blobOf(curve.publicKeyDer()), WrappingKeySpec: 'EC_SM2', WrappingAlgorithm: 'SM2PKE' },
    { WrappingKeySpec: 'EC_SM2' },
    { WrappingAlgorithm: 'SM2PKE' },
    { WrappingAlgorithm: 'RSAES_PKCS1_V1_5' },
    { WrappingKeySpec: 'RSA_3072' },
    { NumberOfBytes: 191 },
    { NumberOfBytes: 0 },
    { KeySpec: 'AES_192' },
    { KeyId: await api.createKey({ KeySpec: 'EC_SM2' }) },
  ];
  for (const change of invalid)
    await api.refused('GenerateAndExportDataKey', { ...input, ...change }, 'InvalidParameter', 400);
  await api.refused('GenerateAndExportDataKey', { ...input, KeyId: 'none' }, 'Forbidden.KeyNotFound', 404);
  await api.refused('GenerateAndExportDataKey', { ...input, DryRun: 'true' }, 'DryRunOperationError', 400);
});
