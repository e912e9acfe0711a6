import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OpensslCommand, PKEYUTL } from '../../../support/openssl-command.ts';
import { base64, openKmsApi } from '../call-kms.ts';

for (const [KeySpec, Algorithm] of [
  ['RSA_2048', 'RSAES_OAEP_SHA_256'],
  ['RSA_3072', 'RSAES_OAEP_SHA_1'],
  ['EC_SM2', 'SM2PKE'],
] as const) {
  test(`AsymmetricDecrypt opens what openssl encrypted under the public key of ${KeySpec} with ${Algorithm}`, async () => {
    await using api = await openKmsApi();
    using openssl = new OpensslCommand();
    const key = await api.createKeyPair(KeySpec, 'ENCRYPT/DECRYPT');
    const { PublicKey } = await api.call('GetPublicKey', key);
    const files = ['-pubin', '-inkey', openssl.file('public', PublicKey), '-in', openssl.file('text', 'from outside')];
    const CiphertextBlob = openssl
      .out('pkeyutl', '-encrypt', ...files, ...(PKEYUTL[Algorithm] ?? []))
      .toString('base64');
    const opened = await api.call('AsymmetricDecrypt', { ...key, Algorithm, CiphertextBlob });
    assert.deepEqual(opened, { ...key, Plaintext: base64('from outside') });
  });
}

test('AsymmetricDecrypt has one answer to everything that does not open', async () => {
  await using api = await openKmsApi();
  const key = await api.createKeyPair('EC_SM2', 'ENCRYPT/DECRYPT');
  const other = await api.createKeyPair('EC_SM2', 'ENCRYPT/DECRYPT');
  const input = { ...key, Algorithm: 'SM2PKE' };
  const { CiphertextBlob } = await api.call('AsymmetricEncrypt', {
    ...other,
    Algorithm: 'SM2PKE',
    Plaintext: base64('x'),
  });
  const messages = new Set<string>();
  for (const blob of [CiphertextBlob, base64('short'), Buffer.alloc(200, 4).toString('base64')]) {
    const error = await api.refused('AsymmetricDecrypt', { ...input, CiphertextBlob: blob }, 'InvalidParameter', 400);
    messages.add(error.message);
  }
  assert.equal(messages.size, 1);
});

test('AsymmetricDecrypt refuses other keys and versions, and never succeeds as a dry run', async () => {
  await using api = await openKmsApi();
  const key = await api.createKeyPair('EC_SM2', 'ENCRYPT/DECRYPT');
  const { CiphertextBlob } = await api.call('AsymmetricEncrypt', {
    ...key,
    Algorithm: 'SM2PKE',
    Plaintext: base64('x'),
  });
  const input = { ...key, Algorithm: 'SM2PKE', CiphertextBlob };
  const signing = await api.createKeyPair('EC_SM2', 'SIGN/VERIFY');
  await api.refused('AsymmetricDecrypt', { ...input, ...signing }, 'InvalidParameter', 400);
  await api.refused('AsymmetricDecrypt', { ...input, KeyVersionId: 'v' }, 'Forbidden.KeyVersionNotFound', 404);
  await api.refused('AsymmetricDecrypt', { ...input, DryRun: 'true' }, 'DryRunOperationError', 400);
  await api.call('DisableKey', { KeyId: key.KeyId });
  await api.refused('AsymmetricDecrypt', input, 'Rejected.Disabled', 409);
});
