import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listGroupsForUser } from '../../../../src/services/ram/actions/ListGroupsForUser.ts';
import { addUserToGroup } from '../../../../src/services/ram/actions/AddUserToGroup.ts';
import { act, makeGroup, openAccountWithUsers, refused } from '../support.ts';

test("a user's groups are listed by name, with the date of joining", async () => {
  await using account = await openAccountWithUsers('alice', 'bob');
  for (const GroupName of ['ops', 'Devs', 'other']) await makeGroup(account, GroupName);
  account.clock.ms += 1000;
  for (const GroupName of ['ops', 'devs'])
    await act(account, addUserToGroup(account), { UserName: 'alice', GroupName });
  const { Groups } = await act(account, listGroupsForUser(account), { UserName: 'ALICE' });
  assert.deepEqual(
    Groups?.Group.map(({ GroupName, Comments, JoinDate }) => [GroupName, Comments, JoinDate]),
    [
      ['Devs', '', '2026-11-23T12:00:01Z'],
      ['ops', '', '2026-11-23T12:00:01Z'],
    ],
  );
  assert.deepEqual(await act(account, listGroupsForUser(account), { UserName: 'bob' }), { Groups: { Group: [] } });
  const unknown = act(account, listGroupsForUser(account), { UserName: 'carol' });
  await assert.rejects(unknown, refused('EntityNotExist.User', 404));
});
