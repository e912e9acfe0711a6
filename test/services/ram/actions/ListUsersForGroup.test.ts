import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listUsersForGroup } from '../../../../src/services/ram/actions/ListUsersForGroup.ts';
import { addUserToGroup } from '../../../../src/services/ram/actions/AddUserToGroup.ts';
import { act, makeGroup, namesOnAllPages, openAccountWithUsers, refused } from '../support.ts';

test("a group's users are listed by name, page by page", async () => {
  await using account = await openAccountWithUsers('carol', 'Alice', 'bob', 'dave');
  await makeGroup(account, 'devs');
  await makeGroup(account, 'ops');
  for (const UserName of ['carol', 'alice', 'bob']) {
    await act(account, addUserToGroup(account), { UserName, GroupName: 'devs' });
  }
  const list = (page: { MaxItems?: number; Marker?: string }) =>
    act(account, listUsersForGroup(account), { GroupName: 'Devs', ...page });
  const names = await namesOnAllPages(list, ({ Users }) => (Users?.User ?? []).map((user) => user.UserName));
  assert.deepEqual(names, ['Alice', 'bob', 'carol']);
  const { Marker = '' } = await list({ MaxItems: 1 });
  const other = act(account, listUsersForGroup(account), { GroupName: 'ops', Marker });
  await assert.rejects(other, refused('InvalidParameter.Marker.Format', 400));
  const unknown = act(account, listUsersForGroup(account), { GroupName: 'none' });
  await assert.rejects(unknown, refused('EntityNotExist.Group', 404));
});
