import assert from 'node:assert/strict';
import { test } from 'node:test';

import { attachPolicyToUser } from '../../../../src/services/ram/actions/AttachPolicyToUser.ts';
import { act, callOf, decryptAccess, makePolicy, mayUser, openAccountWithUsers, refused } from '../support.ts';
import type { TestAccount } from '../support.ts';

const attach = (account: TestAccount, PolicyType: string, PolicyName: string, more: object = {}) =>
  act(account, attachPolicyToUser(account), { UserName: 'alice', PolicyType, PolicyName, ...more });

test('an attached policy is in force from the next call, and attaches once', async () => {
  await using account = await openAccountWithUsers('alice');
  await makePolicy(account, 'decrypt');
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), false);
  await attach(account, 'Custom', 'decrypt', { UserName: 'ALICE' });
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), true);
  await assert.rejects(attach(account, 'Custom', 'decrypt'), refused('EntityAlreadyExists.User.Policy', 409));
});

test('the policy, its type and the user must exist, and there are no resource groups', async () => {
  await using account = await openAccountWithUsers('alice');
  const admin = (more: object) => attach(account, 'System', 'AdministratorAccess', more);
  await assert.rejects(attach(account, 'system', 'x'), refused('InvalidParameter.PolicyType', 400));
  await assert.rejects(attach(account, 'Custom', 'none'), refused('EntityNotExist.Policy', 404));
  await assert.rejects(admin({ UserName: 'none' }), refused('EntityNotExist.User', 404));
  await assert.rejects(admin({ ResourceGroupId: 'rg-1' }), refused('InvalidParameter.ResourceGroupId', 400));
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), false);
  await admin({ ResourceGroupId: account.accountId });
});

test('a user has at most 10 custom policies', async () => {
  await using account = await openAccountWithUsers('alice');
  for (let index = 0; index <= 10; index++) await makePolicy(account, `p${index}`);
  for (let index = 0; index < 10; index++) await attach(account, 'Custom', `p${index}`);
  const more = attach(account, 'Custom', 'p10');
  await assert.rejects(more, refused('LimitExceeded.User.Policy', 409, /10 Custom/));
  await attach(account, 'System', 'ReadOnlyAccess');
});

test('it asks for the right on both the user and the policy', async () => {
  await using account = await openAccountWithUsers();
  const input = { UserName: 'x', PolicyType: 'System', PolicyName: 'P' };
  const action = 'ram:AttachPolicyToUser';
  assert.deepEqual(await attachPolicyToUser(account).access(callOf(account, input)), [
    { action, resource: `acs:ram::${account.accountId}:user/x` },
    { action, resource: 'acs:ram::system:policy/P' },
  ]);
});
