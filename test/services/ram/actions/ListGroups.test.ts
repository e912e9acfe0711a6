import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listGroups } from '../../../../src/services/ram/actions/ListGroups.ts';
import { OTHER_ACCOUNT, act, makeGroup, namesOnAllPages, openTestAccount, refused } from '../support.ts';

test('groups are listed by name, page by page, each once, and only those of the account', async () => {
  await using account = await openTestAccount();
  for (const name of ['delta', 'Alpha', 'charlie']) await makeGroup(account, name);
  const names = await namesOnAllPages(
    (page) => act(account, listGroups(account), page),
    ({ Groups }) => (Groups?.Group ?? []).map((group) => group.GroupName),
  );
  assert.deepEqual(names, ['Alpha', 'charlie', 'delta']);
  const { Marker = '' } = await act(account, listGroups(account), { MaxItems: 1 });
  const foreign = act(account, listGroups(account), { Marker }, OTHER_ACCOUNT);
  await assert.rejects(foreign, refused('InvalidParameter.Marker.Format', 400));
  assert.deepEqual((await act(account, listGroups(account), {}, OTHER_ACCOUNT)).Groups, { Group: [] });
});
