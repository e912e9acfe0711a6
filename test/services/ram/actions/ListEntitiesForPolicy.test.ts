import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listEntitiesForPolicy } from '../../../../src/services/ram/actions/ListEntitiesForPolicy.ts';
import { attachPolicyToGroup } from '../../../../src/services/ram/actions/AttachPolicyToGroup.ts';
import { createUser } from '../../../../src/services/ram/actions/CreateUser.ts';
import { OTHER_ACCOUNT, act, attach, attachToUser, makeGroup, openAccountWithRole, refused } from '../support.ts';

test('everybody in the account to whom a policy is attached is listed', async () => {
  await using account = await openAccountWithRole('DiskRole');
  const policy = { PolicyType: 'System', PolicyName: 'AdministratorAccess' };
  const list = (accountId = account.accountId) => act(account, listEntitiesForPolicy(account), policy, accountId);
  const nobody = { Users: { User: [] }, Groups: { Group: [] }, Roles: { Role: [] } };
  assert.deepEqual(await list(), nobody);
  await act(account, createUser(account), { UserName: 'Alice', DisplayName: 'A' });
  await makeGroup(account, 'Devs');
  await attachToUser(account, policy.PolicyType, policy.PolicyName, 'alice');
  await act(account, attachPolicyToGroup(account), { GroupName: 'devs', ...policy });
  await attach(account, policy.PolicyType, policy.PolicyName);
  const { Users, Groups, Roles } = await list();
  const AttachDate = '2026-11-23T12:00:00Z';
  assert.deepEqual(Users?.User, [{ UserId: Users?.User[0]?.UserId, UserName: 'Alice', DisplayName: 'A', AttachDate }]);
  assert.deepEqual(Groups?.Group, [{ GroupName: 'Devs', Comments: '', AttachDate }]);
  assert.deepEqual(Roles?.Role, [
    {
      RoleId: Roles?.Role[0]?.RoleId,
      RoleName: 'DiskRole',
      Arn: `acs:ram::${account.accountId}:role/diskrole`,
      Description: '',
      AttachDate,
    },
  ]);
  assert.deepEqual(await list(OTHER_ACCOUNT), nobody);
  const unknown = act(account, listEntitiesForPolicy(account), { ...policy, PolicyName: 'none' });
  await assert.rejects(unknown, refused('EntityNotExist.Policy', 404));
});
