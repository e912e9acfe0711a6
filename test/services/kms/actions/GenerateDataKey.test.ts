import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openKmsApi } from '../call-kms.ts';

const sizeOf = (text: string): number => Buffer.from(text, 'base64').length;

test('GenerateDataKey answers a random key of the size asked for, and NumberOfBytes wins over KeySpec', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  const sizes: [object, number][] = [
    [{}, 32],
    [{ KeySpec: 'AES_256' }, 32],
    [{ KeySpec: 'AES_128' }, 16],
    [{ NumberOfBytes: 1 }, 1],
    [{ NumberOfBytes: 1024 }, 1024],
    [{ NumberOfBytes: 48, KeySpec: 'AES_128' }, 48],
  ];
  for (const [input, size] of sizes)
    assert.equal(sizeOf((await api.call('GenerateDataKey', { KeyId, ...input })).Plaintext), size);
  for (const input of [{ NumberOfBytes: 0 }, { NumberOfBytes: 1025 }, { NumberOfBytes: 1.5 }, { KeySpec: 'AES_192' }])
    await api.refused('GenerateDataKey', { KeyId, ...input }, 'InvalidParameter', 400);
});

test('what GenerateDataKey sealed, Decrypt opens with the same context only', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  const made = await api.call('GenerateDataKey', { KeyId, EncryptionContext: { a: '1', b: '2' } });
  assert.equal(made.KeyId, KeyId);
  const { CiphertextBlob } = made;
  const opened = await api.call('Decrypt', { CiphertextBlob, EncryptionContext: { b: '2', a: '1' } });
  assert.deepEqual(opened, { KeyId, KeyVersionId: made.KeyVersionId, Plaintext: made.Plaintext });
  await api.refused('Decrypt', { CiphertextBlob, EncryptionContext: { a: '1' } }, 'InvalidParameter', 400);
});

test('GenerateDataKey takes an alias, refuses asymmetric keys, and never succeeds as a dry run', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  await api.call('CreateAlias', { KeyId, AliasName: 'alias/x' });
  assert.equal((await api.call('GenerateDataKey', { KeyId: 'alias/x' })).KeyId, KeyId);
  const rsa = await api.createKey({ KeySpec: 'RSA_2048' });
  await api.refused('GenerateDataKey', { KeyId: rsa }, 'InvalidParameter', 400);
  await api.refused('GenerateDataKey', { KeyId, DryRun: 'true' }, 'DryRunOperationError', 400);
  await api.refused('GenerateDataKey', { KeyId: 'none', DryRun: 'true' }, 'Forbidden.KeyNotFound', 404);
  await api.refused('GenerateDataKey', { KeyId, DryRun: 'maybe' }, 'InvalidParameter', 400);
});
