import assert from 'node:assert/strict';
import { test } from 'node:test';

import { deleteUser } from '../../../../src/services/ram/actions/DeleteUser.ts';
import { addUserToGroup } from '../../../../src/services/ram/actions/AddUserToGroup.ts';
import { createLoginProfile } from '../../../../src/services/ram/actions/CreateLoginProfile.ts';
import { deleteAccessKey } from '../../../../src/services/ram/actions/DeleteAccessKey.ts';
import { deleteLoginProfile } from '../../../../src/services/ram/actions/DeleteLoginProfile.ts';
import { detachPolicyFromUser } from '../../../../src/services/ram/actions/DetachPolicyFromUser.ts';
import { getUser } from '../../../../src/services/ram/actions/GetUser.ts';
import { removeUserFromGroup } from '../../../../src/services/ram/actions/RemoveUserFromGroup.ts';
import { act, attachToUser, makeAccessKey, makeGroup, openAccountWithUsers, refused } from '../support.ts';

test('a user goes when nothing is left of it', async () => {
  await using account = await openAccountWithUsers('alice');
  const UserName = 'alice';
  const remove = () => act(account, deleteUser(account), { UserName: 'ALICE' });
  const UserAccessKeyId = await makeAccessKey(account, UserName);
  await makeGroup(account, 'devs');
  await act(account, addUserToGroup(account), { UserName, GroupName: 'devs' });
  await attachToUser(account, 'System', 'AdministratorAccess', UserName);
  await act(account, createLoginProfile(account), { UserName, Password: 'correct horse' });

  await assert.rejects(remove(), refused('DeleteConflict.User.AccessKey', 409, /DeleteAccessKey/));
  await act(account, deleteAccessKey(account), { UserName, UserAccessKeyId });
  await assert.rejects(remove(), refused('DeleteConflict.User.Group', 409));
  await act(account, removeUserFromGroup(account), { UserName, GroupName: 'devs' });
  await assert.rejects(remove(), refused('DeleteConflict.User.Policy', 409));
  const policy = { PolicyType: 'System', PolicyName: 'AdministratorAccess' };
  await act(account, detachPolicyFromUser(account), { UserName, ...policy });
  await assert.rejects(remove(), refused('DeleteConflict.User.LoginProfile', 409));
  await act(account, deleteLoginProfile(account), { UserName });
  assert.deepEqual(await remove(), {});
  await assert.rejects(act(account, getUser(account), { UserName }), refused('EntityNotExist.User', 404));
  await assert.rejects(remove(), refused('EntityNotExist.User', 404));
});
