import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listTagResources } from '../../../../src/services/ram/actions/ListTagResources.ts';
import { tagResources } from '../../../../src/services/ram/actions/TagResources.ts';
import { OTHER_ACCOUNT, act, makePolicy, openAccountWithRole, refused } from '../support.ts';
import type { TestAccount } from '../support.ts';

const tag = (account: TestAccount, ResourceType: string, name: string, ...keys: readonly string[]) =>
  act(account, tagResources(account), {
    ResourceType,
    ResourceNames: JSON.stringify([name]),
    Tag: JSON.stringify(keys.map((Key) => ({ Key, Value: `of ${name}` }))),
  });

test('tags are listed by resource and key, page by page', async () => {
  await using account = await openAccountWithRole();
  for (const name of ['b', 'a']) {
    await makePolicy(account, name);
    await tag(account, 'policy', name, 'y', 'x');
  }
  await tag(account, 'role', 'DiskRole', 'x');
  const list = (input: object, accountId?: string) =>
    act(account, listTagResources(account), { ResourceType: 'policy', ...input }, accountId);
  const listed: string[] = [];
  for (let NextToken: string | undefined; ;) {
    const page = await list({ PageSize: 3, ...(NextToken !== undefined && { NextToken }) });
    listed.push(...(page.TagResources ?? []).map((one) => `${one.ResourceName} ${one.TagKey}`));
    NextToken = page.NextToken;
    if (NextToken === undefined) break;
  }
  assert.deepEqual(listed, ['a x', 'a y', 'b x', 'b y']);
  const named = await list({ ResourceNames: '["b"]', Tag: '[{"Key":"x","Value":"of b"}]' });
  assert.deepEqual(named.TagResources?.[0], {
    ResourceType: 'policy',
    ResourceName: 'b',
    TagKey: 'x',
    TagValue: 'of b',
  });
  const roles = await list({ ResourceType: 'role' });
  assert.deepEqual(
    roles.TagResources?.map((one) => one.ResourceName),
    ['DiskRole'],
  );
  assert.deepEqual((await list({}, OTHER_ACCOUNT)).TagResources, []);
});

test('what cannot be meant is refused', async () => {
  await using account = await openAccountWithRole();
  const list = (input: object) => act(account, listTagResources(account), { ResourceType: 'role', ...input });
  for (const PageSize of [0, 101, 1.5]) {
    await assert.rejects(list({ PageSize }), refused('InvalidParameter.PageSize', 400));
  }
  await assert.rejects(list({ NextToken: 'x' }), refused('InvalidParameter.NextToken.Format', 400));
  await assert.rejects(list({ ResourceNames: '["none"]' }), refused('EntityNotExist.Role', 404));
  await assert.rejects(list({ ResourceType: 'x' }), refused('InvalidParameter.ResourceType', 400));
});
