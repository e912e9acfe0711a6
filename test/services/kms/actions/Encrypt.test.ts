import assert from 'node:assert/strict';
import { test } from 'node:test';

import { base64, openKmsApi } from '../call-kms.ts';

test('Encrypt takes 1 to 6144 bytes of Base64', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  for (const size of [1, 6144]) {
    const Plaintext = Buffer.alloc(size, 1).toString('base64');
    const { CiphertextBlob } = await api.call('Encrypt', { KeyId, Plaintext });
    assert.equal((await api.call('Decrypt', { CiphertextBlob })).Plaintext, Plaintext);
  }
  const refused = [Buffer.alloc(6145).toString('base64'), '', 'a', 'ab=', '====', 'not base64!', 'YQ==YQ=='];
  for (const Plaintext of refused) await api.refused('Encrypt', { KeyId, Plaintext }, 'InvalidParameter', 400);
});

test('Encrypt names the key and its version, and seals differently every time', async () => {
  await using api = await openKmsApi();
  const { KeyMetadata } = await api.call('CreateKey', {});
  const { KeyId = '', PrimaryKeyVersion = '' } = KeyMetadata;
  const input = { KeyId, Plaintext: base64('same') };
  const [one, two] = [await api.call('Encrypt', input), await api.call('Encrypt', input)];
  assert.deepEqual([one.KeyId, one.KeyVersionId], [KeyId, PrimaryKeyVersion]);
  assert.notEqual(one.CiphertextBlob, two.CiphertextBlob);
});

test('Encrypt refuses a context that is too long or no map of strings', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  for (const EncryptionContext of [{ a: 'x'.repeat(8192) }, { a: 1 }, { a: '\ud800' }])
    await api.refused('Encrypt', { KeyId, Plaintext: base64('x'), EncryptionContext }, 'InvalidParameter', 400);
  await api.call('Encrypt', { KeyId, Plaintext: base64('x'), EncryptionContext: { a: 'x'.repeat(8000) } });
});

test('Encrypt takes an alias, refuses asymmetric keys, and never succeeds as a dry run', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  const Plaintext = base64('x');
  await api.call('CreateAlias', { KeyId, AliasName: 'alias/x' });
  assert.equal((await api.call('Encrypt', { KeyId: 'alias/x', Plaintext })).KeyId, KeyId);
  await api.refused('Encrypt', { KeyId: 'alias/y', Plaintext }, 'Forbidden.AliasNotFound', 404);
  const rsa = await api.createKey({ KeySpec: 'RSA_2048' });
  await api.refused('Encrypt', { KeyId: rsa, Plaintext }, 'InvalidParameter', 400);
  await api.refused('Encrypt', { KeyId, Plaintext, DryRun: 'true' }, 'DryRunOperationError', 400);
});
