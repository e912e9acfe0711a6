import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OpensslCommand, PKEYUTL } from '../../../support/openssl-command.ts';
import { openKmsApi } from '../call-kms.ts';

test('openssl opens with its private key what ExportDataKey took out of a ciphertext blob', async () => {
  await using api = await openKmsApi();
  using openssl = new OpensslCommand();
  const KeyId = await api.createKey();
  const EncryptionContext = { a: '1' };
  const made = await api.call('GenerateDataKey', { KeyId, EncryptionContext });
  const privateKey = openssl.out('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048');
  const file = openssl.file('private', privateKey);
  const PublicKeyBlob = openssl.out('pkey', '-in', file, '-pubout', '-outform', 'DER').toString('base64');
  const { CiphertextBlob } = made;
  const algorithm = { WrappingKeySpec: 'RSA_2048', WrappingAlgorithm: 'RSAES_OAEP_SHA_256' };
  const input = { CiphertextBlob, PublicKeyBlob, EncryptionContext, ...algorithm };
  const exported = await api.call('ExportDataKey', input);
  assert.deepEqual(Object.keys(exported).sort(), ['ExportedDataKey', 'KeyId', 'KeyVersionId']);
  assert.deepEqual([exported.KeyId, exported.KeyVersionId], [KeyId, made.KeyVersionId]);
  const wrapped = openssl.file('wrapped', Buffer.from(exported.ExportedDataKey, 'base64'));
  const options = [...(PKEYUTL['RSAES_OAEP_SHA_256'] ?? []), '-in', wrapped];
  assert.equal(openssl.out('pkeyutl', '-decrypt', '-inkey', file, ...options).toString('base64'), made.Plaintext);

  await api.refused('ExportDataKey', { ...input, EncryptionContext: {} }, 'InvalidParameter', 400);
  await api.refused('ExportDataKey', { ...input, PublicKeyBlob: CiphertextBlob }, 'InvalidParameter', 400);
  await api.refused('ExportDataKey', { ...input, DryRun: 'true' }, 'DryRunOperationError', 400);
  const long = await api.call('GenerateDataKey', { KeyId, EncryptionContext, NumberOfBytes: 191 });
  await api.refused('ExportDataKey', { ...input, CiphertextBlob: long.CiphertextBlob }, 'InvalidParameter', 400);
  await api.call('DisableKey', { KeyId });
  await api.refused('ExportDataKey', input, 'Rejected.Disabled', 409);
});

test('ExportDataKey asks for a permission on the key of the ciphertext', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  const { CiphertextBlob } = await api.call('GenerateDataKeyWithoutPlaintext', { KeyId });
  const [access] = await api.access('ExportDataKey', { CiphertextBlob });
  assert.deepEqual([access?.action, access?.resource.endsWith(`key/${KeyId}`)], ['kms:ExportDataKey', true]);
});
