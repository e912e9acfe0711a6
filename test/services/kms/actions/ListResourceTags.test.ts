import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OTHER_ACCOUNT, SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

test('ListResourceTags shows all tags of a key, those of the products included', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey({ Tags: '[{"TagKey":"a","TagValue":"1"}]' });
  await api.kms.keys.tag(SCOPE, KeyId, { key: 'acs:ecs:disk-encryption', value: 'true' });
  assert.deepEqual((await api.call('ListResourceTags', { KeyId })).Tags.Tag, [
    { KeyId, TagKey: 'a', TagValue: '1' },
    { KeyId, TagKey: 'acs:ecs:disk-encryption', TagValue: 'true' },
  ]);
});

test('ListResourceTags knows no key of others', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  await api.refused('ListResourceTags', { KeyId }, 'Forbidden.KeyNotFound', 404, OTHER_ACCOUNT);
});
