import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

const KEYS = { ResourceType: 'key' };

async function openTagged() {
  const api = await openKmsApi();
  const Tags = JSON.stringify(['a', 'b', 'c'].map((key) => ({ TagKey: key, TagValue: '1' })));
  const ids = [await api.createKey({ Tags }), await api.createKey({ Tags })];
  for (const id of ids) await api.kms.keys.tag(SCOPE, id, { key: 'acs:ecs:disk-encryption', value: 'true' });
  const names = async (): Promise<unknown[]> => {
    const answers = await Promise.all(ids.map((KeyId) => api.call('ListResourceTags', { KeyId })));
    return answers.map(({ Tags: tags }) => tags.Tag.map((tag) => tag['TagKey']).join(' '));
  };
  return { api, ids, names, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() };
}

test('UntagResources takes the named tags off several keys', async () => {
  await using t = await openTagged();
  const input = { ...KEYS, ResourceId: t.ids, TagKey: ['a', 'c'] };
  assert.deepEqual(await t.api.call('UntagResources', input), {});
  assert.deepEqual(await t.names(), ['b acs:ecs:disk-encryption', 'b acs:ecs:disk-encryption']);
});

test('UntagResources with All takes off everything but the tags of the products, and only where no key is named', async () => {
  await using t = await openTagged();
  const [first] = t.ids;
  await t.api.call('UntagResources', { ...KEYS, ResourceId: [first], All: true, TagKey: ['a'] });
  assert.deepEqual(await t.names(), ['b c acs:ecs:disk-encryption', 'a b c acs:ecs:disk-encryption']);
  await t.api.call('UntagResources', { ...KEYS, ResourceId: t.ids, All: true });
  assert.deepEqual(await t.names(), ['acs:ecs:disk-encryption', 'acs:ecs:disk-encryption']);
});

test('UntagResources refuses to guess, and changes no key when one is refused', async () => {
  await using t = await openTagged();
  const before = await t.names();
  const one = { ...KEYS, ResourceId: t.ids };
  await t.api.refused('UntagResources', one, 'MissingParameter', 400);
  await t.api.refused('UntagResources', { ...one, All: false }, 'MissingParameter', 400);
  await t.api.refused('UntagResources', { ...one, TagKey: ['acs:ecs:disk-encryption'] }, 'InvalidParameter', 400);
  await t.api.refused('UntagResources', { ...one, ResourceType: 'disk', All: true }, 'InvalidParameter', 400);
  const ResourceId = [...t.ids, 'nope'];
  await t.api.refused('UntagResources', { ...KEYS, ResourceId, All: true }, 'Forbidden.KeyNotFound', 404);
  assert.deepEqual(await t.names(), before);
});
