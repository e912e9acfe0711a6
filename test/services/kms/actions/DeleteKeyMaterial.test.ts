import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SCOPE } from '../../../kms/open-test-kms.ts';
import { loadOpenssl } from '../../../../src/crypto/openssl.ts';
import { base64, openKmsApi } from '../call-kms.ts';

test('DeleteKeyMaterial stops every use until the same material is imported again, and is harmless twice', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey({ Origin: 'EXTERNAL' });
  await api.call('DeleteKeyMaterial', { KeyId });
  const wrapping = { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' };
  const { PublicKey, ImportToken } = await api.call('GetParametersForImport', { KeyId, ...wrapping });
  using key = loadOpenssl().openPublic(Buffer.from(PublicKey, 'base64')) ?? assert.fail('a public key');
  const EncryptedKeyMaterial = key.encrypt('RSAES_OAEP_SHA_256', new Uint8Array(32).fill(5)).toBase64();
  const input = { KeyId, ImportToken, EncryptedKeyMaterial, KeyMaterialExpireUnix: 0 };
  await api.call('ImportKeyMaterial', input);
  const { CiphertextBlob } = await api.call('Encrypt', { KeyId, Plaintext: base64('x') });
  assert.deepEqual(await api.call('DeleteKeyMaterial', { KeyId }), {});
  await api.call('DeleteKeyMaterial', { KeyId });
  assert.equal((await api.call('DescribeKey', { KeyId })).KeyMetadata['KeyState'], 'PendingImport');
  await api.refused('Decrypt', { CiphertextBlob }, 'Rejected.PendingImport', 409);
  await api.call('ImportKeyMaterial', input);
  assert.equal((await api.call('Decrypt', { CiphertextBlob })).Plaintext, base64('x'));
});

test('DeleteKeyMaterial refuses keys of ours, the service key, aliases and unknown keys', async () => {
  await using api = await openKmsApi();
  await api.refused('DeleteKeyMaterial', { KeyId: await api.createKey() }, 'Unsupported.Origin', 400);
  const { keyId } = await api.kms.serviceKeys.obtain(SCOPE);
  await api.refused('DeleteKeyMaterial', { KeyId: keyId }, 'Forbidden.NoPermission', 403);
  await api.refused('DeleteKeyMaterial', { KeyId: 'alias/acs/ecs' }, 'Unsupported.Alias', 400);
  await api.refused('DeleteKeyMaterial', { KeyId: 'none' }, 'Forbidden.KeyNotFound', 404);
});
