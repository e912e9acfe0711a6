import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openKmsApi } from '../call-kms.ts';

test('GenerateDataKeyWithoutPlaintext answers no plaintext, and its blob opens to a key of the size asked for', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey({ KeySpec: 'Aliyun_SM4' });
  const made = await api.call('GenerateDataKeyWithoutPlaintext', { KeyId, NumberOfBytes: 20 });
  assert.deepEqual(Object.keys(made).sort(), ['CiphertextBlob', 'KeyId', 'KeyVersionId']);
  const { Plaintext } = await api.call('Decrypt', { CiphertextBlob: made.CiphertextBlob });
  assert.equal(Buffer.from(Plaintext, 'base64').length, 20);
});

test('GenerateDataKeyWithoutPlaintext refuses sizes, specs and dry runs as GenerateDataKey does', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  for (const input of [{ NumberOfBytes: 1025 }, { KeySpec: 'x' }])
    await api.refused('GenerateDataKeyWithoutPlaintext', { KeyId, ...input }, 'InvalidParameter', 400);
  await api.refused('GenerateDataKeyWithoutPlaintext', { KeyId, DryRun: 'true' }, 'DryRunOperationError', 400);
});
