import assert from 'node:assert/strict';
import { test } from 'node:test';

import { deleteGroup } from '../../../../src/services/ram/actions/DeleteGroup.ts';
import { addUserToGroup } from '../../../../src/services/ram/actions/AddUserToGroup.ts';
import { attachPolicyToGroup } from '../../../../src/services/ram/actions/AttachPolicyToGroup.ts';
import { detachPolicyFromGroup } from '../../../../src/services/ram/actions/DetachPolicyFromGroup.ts';
import { removeUserFromGroup } from '../../../../src/services/ram/actions/RemoveUserFromGroup.ts';
import { act, makeGroup, openAccountWithUsers, refused } from '../support.ts';

test('a group goes when it has neither users nor policies', async () => {
  await using account = await openAccountWithUsers('alice');
  await makeGroup(account, 'devs');
  const GroupName = 'devs';
  const policy = { GroupName, PolicyType: 'System', PolicyName: 'AdministratorAccess' };
  const remove = () => act(account, deleteGroup(account), { GroupName: 'DEVS' });
  await act(account, addUserToGroup(account), { UserName: 'alice', GroupName });
  await act(account, attachPolicyToGroup(account), policy);
  await assert.rejects(remove(), refused('DeleteConflict.Group.User', 409));
  await act(account, removeUserFromGroup(account), { UserName: 'alice', GroupName });
  await assert.rejects(remove(), refused('DeleteConflict.Group.Policy', 409));
  await act(account, detachPolicyFromGroup(account), policy);
  assert.deepEqual(await remove(), {});
  await assert.rejects(remove(), refused('EntityNotExist.Group', 404));
});
