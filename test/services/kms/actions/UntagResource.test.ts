import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

test('UntagResource takes the named tags off, and does not mind those that are not there', async () => {
  await using api = await openKmsApi();
  const tags = ['a', 'b', 'c'].map((key) => ({ TagKey: key, TagValue: '1' }));
  const KeyId = await api.createKey({ Tags: JSON.stringify(tags) });
  assert.deepEqual(await api.call('UntagResource', { KeyId, TagKeys: '["a","c","zzz"]' }), {});
  assert.deepEqual((await api.call('ListResourceTags', { KeyId })).Tags.Tag, [{ KeyId, TagKey: 'b', TagValue: '1' }]);
});

test('UntagResource leaves the tags of the products, and refuses what is no list of keys', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  await api.kms.keys.tag(SCOPE, KeyId, { key: 'acs:ecs:disk-encryption', value: 'true' });
  for (const TagKeys of ['["acs:ecs:disk-encryption"]', '[]', '"a"', '[1]', 'a', JSON.stringify(Array(21).fill('a'))])
    await api.refused('UntagResource', { KeyId, TagKeys }, 'InvalidParameter', 400);
  await api.refused('UntagResource', { TagKeys: '["a"]' }, 'MissingParameter', 400);
  assert.equal((await api.call('ListResourceTags', { KeyId })).Tags.Tag.length, 1);
});
