import assert from 'node:assert/strict';
import { test } from 'node:test';

import { untagResources } from '../../../../src/services/ram/actions/UntagResources.ts';
import { listTagResources } from '../../../../src/services/ram/actions/ListTagResources.ts';
import { tagResources } from '../../../../src/services/ram/actions/TagResources.ts';
import { act, makePolicy, openAccountWithRole, refused } from '../support.ts';

test('tags go by key, or all of them', async () => {
  await using account = await openAccountWithRole();
  await makePolicy(account, 'p');
  const names = { ResourceType: 'policy', ResourceNames: '["p"]' };
  const keys = async () =>
    (await act(account, listTagResources(account), names)).TagResources?.map(({ TagKey }) => TagKey);
  const Tag = '[{"Key":"a","Value":""},{"Key":"b","Value":""},{"Key":"c","Value":""}]';
  await act(account, tagResources(account), { ...names, Tag });
  const untag = (input: object) => act(account, untagResources(account), { ...names, ...input });
  await untag({ TagKeys: '["b","none"]', All: true });
  assert.deepEqual(await keys(), ['a', 'c']);
  await untag({});
  assert.deepEqual(await keys(), ['a', 'c']);
  await untag({ All: true });
  assert.deepEqual(await keys(), []);
  await assert.rejects(untag({ TagKeys: 'a' }), refused('InvalidParameter.TagKeys.Format', 400));
  await assert.rejects(untag({ ResourceNames: '["none"]' }), refused('EntityNotExist.Policy', 404));
  await assert.rejects(untag({ ResourceType: 'group' }), refused('InvalidParameter.ResourceType', 400));
});
