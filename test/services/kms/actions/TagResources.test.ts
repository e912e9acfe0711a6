import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OTHER_ACCOUNT, SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

const KEYS = { ResourceType: 'key' };

test('TagResources tags several keys at once', async () => {
  await using api = await openKmsApi();
  const ids = [await api.createKey(), await api.createKey()];
  const Tag = [{ Key: 'env', Value: 'test' }, { Key: 'empty' }];
  assert.deepEqual(await api.call('TagResources', { ...KEYS, ResourceId: ids, Tag }), {});
  for (const KeyId of ids)
    assert.deepEqual((await api.call('ListResourceTags', { KeyId })).Tags.Tag, [
      { KeyId, TagKey: 'env', TagValue: 'test' },
      { KeyId, TagKey: 'empty', TagValue: '' },
    ]);
});

test('TagResources tags no key when one of them is refused', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  const { keyId: foreign } = await api.kms.makeKey('Aliyun_AES_256', OTHER_ACCOUNT);
  const Tag = [{ Key: 'env', Value: 'test' }];
  for (const other of ['nope', foreign])
    await api.refused('TagResources', { ...KEYS, ResourceId: [KeyId, other], Tag }, 'Forbidden.KeyNotFound', 404);
  assert.deepEqual((await api.call('ListResourceTags', { KeyId })).Tags.Tag, []);
});

test('TagResources refuses other types, too many keys, and tags that only products set', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  const call = { ...KEYS, ResourceId: [KeyId], Tag: [{ Key: 'a', Value: '1' }] };
  const wrong = [
    { ...call, ResourceType: 'secret' },
    { ...call, ResourceId: Array(51).fill(KeyId) },
    { ...call, ResourceId: [] },
    { ...call, Tag: [{ Key: 'acs:a', Value: '1' }] },
    { ...call, Tag: [{ Value: '1' }] },
    { ...call, Tag: [{ Key: 'a' }, { Key: 'a' }] },
  ];
  for (const input of wrong) await api.refused('TagResources', input, 'InvalidParameter', 400);
});

test('TagResources asks for permission on every key', async () => {
  await using api = await openKmsApi();
  const ids = [await api.createKey(), await api.createKey()];
  assert.deepEqual(
    await api.access('TagResources', { ...KEYS, ResourceId: ids, Tag: [] }),
    ids.map((id) => ({
      action: 'kms:TagResources',
      resource: `acs:kms:cn-hangzhou:${SCOPE.accountId}:key/${id}`,
    })),
  );
});
