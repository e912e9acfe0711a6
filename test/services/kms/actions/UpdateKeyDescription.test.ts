import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openKmsApi } from '../call-kms.ts';

test('UpdateKeyDescription replaces the description, also by nothing, and takes 8192 characters', async () => {
  await using api = await openKmsApi();
  const keyId = await api.createKey({ Description: 'old' });
  for (const text of ['new', 'x'.repeat(8192), '']) {
    assert.deepEqual(await api.call('UpdateKeyDescription', { KeyId: keyId, Description: text }), {});
    assert.equal((await api.call('DescribeKey', { KeyId: keyId })).KeyMetadata['Description'], text);
  }
});

test('UpdateKeyDescription refuses what is too long, an alias and an unknown key, and changes nothing', async () => {
  await using api = await openKmsApi();
  const keyId = await api.createKey({ Description: 'old' });
  await api.call('CreateAlias', { KeyId: keyId, AliasName: 'alias/a' });
  const text = 'x'.repeat(8193);
  await api.refused('UpdateKeyDescription', { KeyId: keyId, Description: text }, 'InvalidParameter', 400);
  await api.refused('UpdateKeyDescription', { KeyId: 'alias/a', Description: 'new' }, 'Unsupported.Alias', 400);
  await api.refused('UpdateKeyDescription', { KeyId: 'nope', Description: 'new' }, 'Forbidden.KeyNotFound', 404);
  assert.equal((await api.call('DescribeKey', { KeyId: keyId })).KeyMetadata['Description'], 'old');
});
