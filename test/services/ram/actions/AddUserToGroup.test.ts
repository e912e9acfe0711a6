import assert from 'node:assert/strict';
import { test } from 'node:test';

import { addUserToGroup } from '../../../../src/services/ram/actions/AddUserToGroup.ts';
import { attachPolicyToGroup } from '../../../../src/services/ram/actions/AttachPolicyToGroup.ts';
import {
  act,
  callOf,
  decryptAccess,
  makeGroup,
  makePolicy,
  mayUser,
  openAccountWithUsers,
  refused,
} from '../support.ts';

test("the group's policies bind the user from the next call", async () => {
  await using account = await openAccountWithUsers('alice');
  await makeGroup(account, 'devs');
  await makePolicy(account, 'decrypt');
  const policy = { PolicyType: 'Custom', PolicyName: 'decrypt' };
  await act(account, attachPolicyToGroup(account), { GroupName: 'devs', ...policy });
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), false);
  await act(account, addUserToGroup(account), { UserName: 'Alice', GroupName: 'DEVS' });
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), true);
});

test('a user is in a group once, and in at most 5', async () => {
  await using account = await openAccountWithUsers('alice');
  const add = (GroupName: string, UserName = 'alice') => act(account, addUserToGroup(account), { UserName, GroupName });
  for (let index = 0; index < 6; index++) await makeGroup(account, `g${index}`);
  for (let index = 0; index < 5; index++) await add(`g${index}`);
  await assert.rejects(add('g0'), refused('EntityAlreadyExists.User.Group', 409));
  await assert.rejects(add('g5'), refused('LimitExceeded.User.Group', 409, /5 groups/));
  await assert.rejects(add('none'), refused('EntityNotExist.Group', 404));
  await assert.rejects(add('g0', 'bob'), refused('EntityNotExist.User', 404));
});

test('it asks for the right on both', async () => {
  await using account = await openAccountWithUsers();
  const action = 'ram:AddUserToGroup';
  assert.deepEqual(await addUserToGroup(account).access(callOf(account, { UserName: 'u', GroupName: 'g' })), [
    { action, resource: `acs:ram::${account.accountId}:user/u` },
    { action, resource: `acs:ram::${account.accountId}:group/g` },
  ]);
});
