import assert from 'node:assert/strict';
import { test } from 'node:test';

import { insertAttachment } from '../../../../src/metadata/policy-attachments.ts';
import { evaluateServiceRole } from '../../../../src/ram/roles.ts';
import { attachPolicyToRole } from '../../../../src/services/ram/actions/AttachPolicyToRole.ts';
import { attach, callOf, makePolicy, openAccountWithRole, refused } from '../support.ts';

test('an attached policy is in force at once', async () => {
  await using account = await openAccountWithRole();
  const ask = () =>
    evaluateServiceRole(account.database.read, {
      accountId: account.accountId,
      roleName: 'DiskRole',
      service: 'ecs.aliyuncs.com',
      accesses: [{ action: 'kms:Decrypt', resource: `acs:kms:cn-hangzhou:${account.accountId}:key/k` }],
    });
  assert.notEqual(await ask(), 'allowed');
  await makePolicy(account, 'decrypt');
  await attach(account, 'Custom', 'decrypt', 'DISKROLE');
  assert.equal(await ask(), 'allowed');
});

test('the policy, its type and the role must exist, and it attaches once', async () => {
  await using account = await openAccountWithRole();
  await attach(account, 'System', 'AliyunECSDiskEncryptRolePolicy');
  await assert.rejects(
    attach(account, 'System', 'AliyunECSDiskEncryptRolePolicy'),
    refused('EntityAlreadyExists.Role.Policy', 409),
  );
  await assert.rejects(attach(account, 'system', 'x'), refused('InvalidParameter.PolicyType', 400));
  await assert.rejects(attach(account, 'System', 'NoSuch'), refused('EntityNotExist.Policy', 404));
  await assert.rejects(attach(account, 'Custom', 'AdministratorAccess'), refused('EntityNotExist.Policy', 404));
  await assert.rejects(attach(account, 'System', 'AdministratorAccess', 'No'), refused('EntityNotExist.Role', 404));
});

test('a role has at most 5 custom and 20 system policies', async () => {
  await using account = await openAccountWithRole();
  for (let index = 0; index < 6; index++) await makePolicy(account, `p${index}`);
  for (let index = 0; index < 5; index++) await attach(account, 'Custom', `p${index}`);
  await assert.rejects(attach(account, 'Custom', 'p5'), refused('LimitExceeded.Role.Policy', 409, /5 Custom/));
  await account.database.transact(async (transaction) => {
    for (let index = 0; index < 20; index++) {
      await insertAttachment(transaction, {
        accountId: account.accountId,
        principalType: 'role',
        principalName: 'diskrole',
        policyType: 'System',
        policyName: `s${index}`,
        attachedMs: 1,
      });
    }
  });
  await assert.rejects(
    attach(account, 'System', 'AdministratorAccess'),
    refused('LimitExceeded.Role.Policy', 409, /20 System/),
  );
});

test('it asks for permission on both the role and the policy', async () => {
  await using account = await openAccountWithRole();
  const access = (PolicyType: string) =>
    attachPolicyToRole(account).access(callOf(account, { RoleName: 'DiskRole', PolicyName: 'P', PolicyType }));
  const role = { action: 'ram:AttachPolicyToRole', resource: `acs:ram::${account.accountId}:role/diskrole` };
  const policy = (owner: string) => ({ action: 'ram:AttachPolicyToRole', resource: `acs:ram::${owner}:policy/P` });
  assert.deepEqual(access('Custom'), [role, policy(account.accountId)]);
  assert.deepEqual(access('System'), [role, policy('system')]);
});
