import assert from 'node:assert/strict';
import { test } from 'node:test';

import { tagResources } from '../../../../src/services/ram/actions/TagResources.ts';
import { listPolicies } from '../../../../src/services/ram/actions/ListPolicies.ts';
import { listRoles } from '../../../../src/services/ram/actions/ListRoles.ts';
import { act, callOf, makePolicy, openAccountWithRole, refused } from '../support.ts';

test('roles and policies get tags, which lists show and filter by; a key that is there gets the new value', async () => {
  await using account = await openAccountWithRole();
  await makePolicy(account, 'p');
  const tag = (ResourceType: string, name: string, Tag: string) =>
    act(account, tagResources(account), { ResourceType, ResourceNames: JSON.stringify([name]), Tag });
  await tag('role', 'DISKROLE', '[{"Key":"team","Value":"a"},{"Key":"env","Value":"x"}]');
  await tag('role', 'diskrole', '[{"Key":"team","Value":"dev"}]');
  await tag('policy', 'p', '[{"Key":"team","Value":"dev"}]');
  const Tag = '[{"Key":"team","Value":"dev"}]';
  const { Roles } = await act(account, listRoles(account), { Tag });
  assert.deepEqual(Roles?.Role[0]?.Tags, {
    Tag: [
      { TagKey: 'env', TagValue: 'x' },
      { TagKey: 'team', TagValue: 'dev' },
    ],
  });
  const { Policies } = await act(account, listPolicies(account), { Tag });
  assert.deepEqual(
    Policies?.Policy.map((policy) => policy.PolicyName),
    ['p'],
  );
});

test('all resources are tagged or none', async () => {
  await using account = await openAccountWithRole();
  const Tag = '[{"Key":"k","Value":"v"}]';
  const tag = (input: object) =>
    act(account, tagResources(account), { ResourceType: 'role', ResourceNames: '["DiskRole"]', Tag, ...input });
  await assert.rejects(tag({ ResourceNames: '["DiskRole","none"]' }), refused('EntityNotExist.Role', 404));
  await assert.rejects(tag({ ResourceType: 'policy' }), refused('EntityNotExist.Policy', 404));
  await assert.rejects(tag({ ResourceType: 'user' }), refused('InvalidParameter.ResourceType', 400));
  for (const ResourceNames of ['DiskRole', '[]', '[1]', JSON.stringify(Array.from({ length: 51 }, String))]) {
    await assert.rejects(tag({ ResourceNames }), refused('InvalidParameter.ResourceNames.Format', 400));
  }
  await assert.rejects(tag({ Tag: '[{"Key":"acs:x"}]' }), refused('InvalidParameter.Tag.Format', 400));
  const { Roles } = await act(account, listRoles(account), {});
  assert.deepEqual(Roles?.Role[0]?.Tags, { Tag: [] });
  const tags = (from: number, count: number) =>
    JSON.stringify(Array.from({ length: count }, (_, index) => ({ Key: `k${from + index}`, Value: '' })));
  await tag({ Tag: tags(0, 20) });
  await assert.rejects(tag({ Tag: tags(20, 1) }), refused('LimitExceeded.Tag', 409));
  await tag({ Tag: tags(0, 1) });
});

test('it asks for the right on each resource', async () => {
  await using account = await openAccountWithRole();
  const input = { ResourceType: 'policy', ResourceNames: '["a","b"]', Tag: '[]' };
  const names = (await tagResources(account).access(callOf(account, input))).map(({ resource }) => resource);
  assert.deepEqual(names, [`acs:ram::${account.accountId}:policy/a`, `acs:ram::${account.accountId}:policy/b`]);
});
