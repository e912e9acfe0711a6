import assert from 'node:assert/strict';
import { test } from 'node:test';

import { removeUserFromGroup } from '../../../../src/services/ram/actions/RemoveUserFromGroup.ts';
import { addUserToGroup } from '../../../../src/services/ram/actions/AddUserToGroup.ts';
import { attachPolicyToGroup } from '../../../../src/services/ram/actions/AttachPolicyToGroup.ts';
import { act, decryptAccess, makeGroup, makePolicy, mayUser, openAccountWithUsers, refused } from '../support.ts';

test("the group's policies no longer bind the user from the next call", async () => {
  await using account = await openAccountWithUsers('alice');
  await makeGroup(account, 'devs');
  await makePolicy(account, 'decrypt');
  const both = { UserName: 'alice', GroupName: 'devs' };
  await act(account, addUserToGroup(account), both);
  const policy = { PolicyType: 'Custom', PolicyName: 'decrypt' };
  await act(account, attachPolicyToGroup(account), { GroupName: 'devs', ...policy });
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), true);
  const remove = () => act(account, removeUserFromGroup(account), both);
  assert.deepEqual(await remove(), {});
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), false);
  await assert.rejects(remove(), refused('EntityNotExist.User.Group', 404));
  const unknown = act(account, removeUserFromGroup(account), { ...both, GroupName: 'none' });
  await assert.rejects(unknown, refused('EntityNotExist.Group', 404));
});
