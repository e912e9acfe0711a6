import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OTHER_ACCOUNT, OTHER_REGION } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';
import type { KmsApi } from '../call-kms.ts';

const KEYS = { ResourceType: 'key' };

async function makeTagged(api: KmsApi, tags: Readonly<Record<string, string>>): Promise<string> {
  const list = Object.entries(tags).map(([key, value]) => ({ TagKey: key, TagValue: value }));
  return api.createKey({ Tags: JSON.stringify(list) });
}

test('ListTagResources shows the tags of the named keys', async () => {
  await using api = await openKmsApi();
  const one = await makeTagged(api, { a: '1', b: '2' });
  await makeTagged(api, { a: '1' });
  const { TagResources: listed, NextToken: next } = await api.call('ListTagResources', { ...KEYS, ResourceId: [one] });
  assert.deepEqual(listed.TagResource, [
    { ResourceId: one, ResourceType: 'key', TagKey: 'a', TagValue: '1' },
    { ResourceId: one, ResourceType: 'key', TagKey: 'b', TagValue: '2' },
  ]);
  assert.equal(next, undefined);
});

test('ListTagResources finds keys that have every tag asked for', async () => {
  await using api = await openKmsApi();
  const both = await makeTagged(api, { a: '1', b: '2' });
  const other = await makeTagged(api, { a: '2', b: '2' });
  await makeTagged(api, { a: '1' });
  const found = async (Tag: object[]): Promise<unknown[]> => {
    const { TagResources: listed } = await api.call('ListTagResources', { ...KEYS, Tag });
    return [...new Set(listed.TagResource.map((tag) => tag['ResourceId']))];
  };
  assert.deepEqual(await found([{ Key: 'a', Value: '1' }, { Key: 'b' }]), [both]);
  assert.deepEqual(new Set(await found([{ Key: 'b' }])), new Set([both, other]));
  assert.deepEqual(await found([{ Key: 'a', Value: '9' }]), []);
});

test('ListTagResources shows every key once, a page after the other, and none of another account or region', async () => {
  await using api = await openKmsApi();
  const ids = new Set<unknown>();
  for (let index = 0; index < 90; index++) {
    if (index % 7 === 0) api.kms.advance(1);
    ids.add(await makeTagged(api, { n: String(index) }));
  }
  const seen: unknown[] = [];
  let NextToken: string | undefined;
  let pages = 0;
  do {
    const page: Awaited<ReturnType<KmsApi['call']>> = await api.call('ListTagResources', { ...KEYS, NextToken });
    seen.push(...page.TagResources.TagResource.map((tag) => tag['ResourceId']));
    NextToken = page.NextToken;
    pages += 1;
  } while (NextToken !== undefined);
  assert.deepEqual([pages, seen.length, new Set(seen)], [3, 90, ids]);
  for (const scope of [OTHER_ACCOUNT, OTHER_REGION])
    assert.deepEqual((await api.call('ListTagResources', KEYS, scope)).TagResources.TagResource, []);
});

test('ListTagResources refuses other types, unknown keys and tokens of others', async () => {
  await using api = await openKmsApi();
  for (let index = 0; index < 41; index++) await makeTagged(api, { n: '1' });
  const { NextToken } = await api.call('ListTagResources', KEYS);
  assert.ok(NextToken);
  await api.refused('ListTagResources', { ...KEYS, NextToken }, 'InvalidParameter', 400, OTHER_REGION);
  await api.refused('ListTagResources', { ...KEYS, NextToken: 'x' }, 'InvalidParameter', 400);
  await api.refused('ListTagResources', { ResourceType: 'disk' }, 'InvalidParameter', 400);
  await api.refused('ListTagResources', { ...KEYS, ResourceId: ['nope'] }, 'Forbidden.KeyNotFound', 404);
});
