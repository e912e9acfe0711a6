import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OTHER_ACCOUNT, OTHER_REGION, SCOPE } from '../../../kms/open-test-kms.ts';
import { base64, openKmsApi } from '../call-kms.ts';

const EncryptionContext = { disk: 'd-1', owner: 'me' };

test('Decrypt finds the key by the ciphertext alone', async () => {
  await using api = await openKmsApi();
  await api.createKey();
  const KeyId = await api.createKey({ KeySpec: 'Aliyun_SM4' });
  const sealed = await api.call('Encrypt', { KeyId, Plaintext: base64('hello') });
  const { CiphertextBlob, KeyVersionId } = sealed;
  assert.deepEqual(await api.call('Decrypt', { CiphertextBlob }), { KeyId, KeyVersionId, Plaintext: base64('hello') });
});

test('Decrypt says the same of a wrong context, a changed ciphertext and bytes that are none', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  const { CiphertextBlob } = await api.call('Encrypt', { KeyId, Plaintext: base64('hello'), EncryptionContext });
  const bytes = Buffer.from(CiphertextBlob, 'base64');
  const flipped = Buffer.from(bytes);
  flipped[60] = (flipped[60] ?? 0) ^ 1;
  const messages = new Set<string>();
  const wrong = [
    { CiphertextBlob },
    { CiphertextBlob, EncryptionContext: { ...EncryptionContext, disk: 'd-2' } },
    { CiphertextBlob, EncryptionContext: { ...EncryptionContext, more: '' } },
    { CiphertextBlob: flipped.toString('base64'), EncryptionContext },
    { CiphertextBlob: bytes.subarray(0, -1).toString('base64'), EncryptionContext },
    { CiphertextBlob: base64('x'.repeat(200)), EncryptionContext },
    { CiphertextBlob: base64('short'), EncryptionContext },
  ];
  for (const input of wrong) messages.add((await api.refused('Decrypt', input, 'InvalidParameter', 400)).message);
  assert.equal(messages.size, 1);
  for (const text of ['', '%%%', Buffer.alloc(8000).toString('base64')])
    await api.refused('Decrypt', { CiphertextBlob: text }, 'InvalidParameter', 400);
});

test('Decrypt does not tell a ciphertext of another account or region from one of an unknown key', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  const { CiphertextBlob } = await api.call('Encrypt', { KeyId, Plaintext: base64('hello') });
  for (const scope of [OTHER_ACCOUNT, OTHER_REGION])
    await api.refused('Decrypt', { CiphertextBlob }, 'Forbidden.KeyNotFound', 404, scope);
  const unknown = Buffer.from(CiphertextBlob, 'base64');
  unknown.write('00000000-0000-0000-0000-000000000000', 0, 'latin1');
  await api.refused('Decrypt', { CiphertextBlob: unknown.toString('base64') }, 'Forbidden.KeyNotFound', 404);
});

test('Decrypt asks for permission on the key that the ciphertext is under', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  const { CiphertextBlob } = await api.call('Encrypt', { KeyId, Plaintext: base64('hello') });
  const resource = `acs:kms:cn-hangzhou:${SCOPE.accountId}:key/`;
  assert.deepEqual(await api.access('Decrypt', { CiphertextBlob }), [
    { action: 'kms:Decrypt', resource: resource + KeyId },
  ]);
  assert.deepEqual(await api.access('Decrypt', { CiphertextBlob: '%%%' }), [
    { action: 'kms:Decrypt', resource: `${resource}*` },
  ]);
});

test('Decrypt never succeeds as a dry run', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  const { CiphertextBlob } = await api.call('Encrypt', { KeyId, Plaintext: base64('hello'), EncryptionContext });
  await api.refused('Decrypt', { CiphertextBlob, EncryptionContext, DryRun: 'true' }, 'DryRunOperationError', 400);
  await api.refused('Decrypt', { CiphertextBlob, DryRun: 'true' }, 'InvalidParameter', 400);
});
