import assert from 'node:assert/strict';
import { test } from 'node:test';

import { attachPolicyToGroup } from '../../../../src/services/ram/actions/AttachPolicyToGroup.ts';
import { addUserToGroup } from '../../../../src/services/ram/actions/AddUserToGroup.ts';
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
import type { TestAccount } from '../support.ts';

const attach = (account: TestAccount, PolicyType: string, PolicyName: string, more: object = {}) =>
  act(account, attachPolicyToGroup(account), { GroupName: 'devs', PolicyType, PolicyName, ...more });

test('an attached policy is in force from the next call, and attaches once', async () => {
  await using account = await openAccountWithUsers('alice');
  await makeGroup(account, 'devs');
  await act(account, addUserToGroup(account), { UserName: 'alice', GroupName: 'devs' });
  await makePolicy(account, 'decrypt');
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), false);
  await attach(account, 'Custom', 'decrypt', { GroupName: 'DEVS' });
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), true);
  await assert.rejects(attach(account, 'Custom', 'decrypt'), refused('EntityAlreadyExists.Group.Policy', 409));
});

test('the policy, its type and the group must exist, and there are no resource groups', async () => {
  await using account = await openAccountWithUsers('alice');
  await makeGroup(account, 'devs');
  const admin = (more: object) => attach(account, 'System', 'AdministratorAccess', more);
  await assert.rejects(attach(account, 'system', 'x'), refused('InvalidParameter.PolicyType', 400));
  await assert.rejects(attach(account, 'Custom', 'none'), refused('EntityNotExist.Policy', 404));
  await assert.rejects(admin({ GroupName: 'none' }), refused('EntityNotExist.Group', 404));
  await assert.rejects(admin({ ResourceGroupId: 'rg-1' }), refused('InvalidParameter.ResourceGroupId', 400));
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), false);
  await admin({ ResourceGroupId: account.accountId });
});

test('a group has at most 5 custom policies', async () => {
  await using account = await openAccountWithUsers('alice');
  await makeGroup(account, 'devs');
  for (let index = 0; index <= 5; index++) await makePolicy(account, `p${index}`);
  for (let index = 0; index < 5; index++) await attach(account, 'Custom', `p${index}`);
  const more = attach(account, 'Custom', 'p5');
  await assert.rejects(more, refused('LimitExceeded.Group.Policy', 409, /5 Custom/));
  await attach(account, 'System', 'ReadOnlyAccess');
});

test('it asks for the right on both the group and the policy', async () => {
  await using account = await openAccountWithUsers();
  const input = { GroupName: 'x', PolicyType: 'System', PolicyName: 'P' };
  const action = 'ram:AttachPolicyToGroup';
  assert.deepEqual(await attachPolicyToGroup(account).access(callOf(account, input)), [
    { action, resource: `acs:ram::${account.accountId}:group/x` },
    { action, resource: 'acs:ram::system:policy/P' },
  ]);
});
