import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isKind } from '../../src/base/errors.ts';
import { insertKey, updateKey } from '../../src/metadata/keys.ts';
import { insertPolicy } from '../../src/metadata/policies.ts';
import { deleteAttachment, insertAttachment } from '../../src/metadata/policy-attachments.ts';
import type { PolicyAttachment } from '../../src/metadata/policy-attachments.ts';
import { insertRole, updateRole } from '../../src/metadata/roles.ts';
import { evaluateServiceRole } from '../../src/ram/roles.ts';
import { SYSTEM_POLICIES } from '../../src/ram/system-policies.ts';
import { sharingPolicyFor } from './policy/sharing-policy.ts';
import { aKey } from '../metadata/support.ts';
import { DISK_ROLE_TRUST, openTestAccount } from './support.ts';
import type { TestAccount } from './support.ts';

const ROLE = 'AliyunECSDiskEncryptDefaultRole';

const ask = (account: TestAccount, ...actions: readonly string[]) => {
  const resource = `acs:kms:cn-hangzhou:${account.accountId}:key/k`;
  return evaluateServiceRole(account.database.read, {
    accountId: account.accountId,
    roleName: ROLE,
    service: 'ecs.aliyuncs.com',
    accesses: actions.map((action) => ({ action, resource })),
  });
};

const makeRole = (account: TestAccount, trustPolicy = DISK_ROLE_TRUST) =>
  account.database.transact((transaction) =>
    insertRole(transaction, {
      accountId: account.accountId,
      roleName: ROLE,
      roleNameLower: ROLE.toLowerCase(),
      roleId: '300000000000000001',
      description: '',
      trustPolicy,
      maxSessionDurationS: 3600,
      tags: [],
      createdMs: 1,
      updatedMs: 1,
    }),
  );

const attachment = (account: TestAccount, policyType: 'System' | 'Custom', policyName: string): PolicyAttachment => ({
  accountId: account.accountId,
  principalType: 'role',
  principalName: ROLE.toLowerCase(),
  policyType,
  policyName,
  attachedMs: 1,
});

const attach = (account: TestAccount, type: 'System' | 'Custom', name: string) =>
  account.database.transact((transaction) => insertAttachment(transaction, attachment(account, type, name)));

const makePolicy = (account: TestAccount, policyName: string, statement: object) =>
  account.database.transact((transaction) =>
    insertPolicy(
      transaction,
      {
        accountId: account.accountId,
        policyName,
        description: '',
        defaultVersion: 'v1',
        tags: [],
        createdMs: 1,
        updatedMs: 1,
      },
      JSON.stringify({ Version: '1', Statement: [statement] }),
    ),
  );

test('the disk role as documented may do what disks need, and every change counts at once', async () => {
  await using account = await openTestAccount();
  const uses = ['kms:DescribeKey', 'kms:GenerateDataKey', 'kms:Decrypt', 'kms:Encrypt', 'kms:TagResource'];
  assert.equal(await ask(account, 'kms:Decrypt'), 'role-missing');
  await makeRole(account);
  const denied = await ask(account, ...uses);
  assert.equal(typeof denied === 'object' && denied.denied.action, 'kms:DescribeKey');
  await attach(account, 'System', 'AliyunECSDiskEncryptRolePolicy');
  assert.equal(await ask(account, ...uses), 'allowed');
  const beyond = await ask(account, 'kms:Decrypt', 'kms:DisableKey');
  assert.equal(typeof beyond === 'object' && beyond.denied.action, 'kms:DisableKey');
  await account.database.transact((transaction) =>
    deleteAttachment(transaction, attachment(account, 'System', 'AliyunECSDiskEncryptRolePolicy')),
  );
  assert.notEqual(await ask(account, 'kms:Decrypt'), 'allowed');
});

test('a role that trusts somebody else is not trusted', async () => {
  await using account = await openTestAccount();
  await makeRole(account, DISK_ROLE_TRUST.replace('ecs.', 'rds.'));
  await attach(account, 'System', 'AdministratorAccess');
  assert.equal(await ask(account, 'kms:Decrypt'), 'not-trusted');
  await account.database.transact((transaction) =>
    updateRole(
      transaction,
      { accountId: account.accountId, roleNameLower: ROLE.toLowerCase() },
      { trustPolicy: DISK_ROLE_TRUST.replace('ecs.', `${account.accountId}@ecs.`) },
    ),
  );
  assert.equal(await ask(account, 'kms:Decrypt'), 'not-trusted');
});

test('a custom policy allows one key, and a Deny beside the system policy wins', async () => {
  await using account = await openTestAccount();
  await makeRole(account);
  const resource = `acs:kms:cn-hangzhou:${account.accountId}:key/k`;
  await makePolicy(account, 'one-key', { Effect: 'Allow', Action: 'kms:Decrypt', Resource: resource });
  await attach(account, 'Custom', 'one-key');
  assert.equal(await ask(account, 'kms:Decrypt'), 'allowed');
  assert.notEqual(await ask(account, 'kms:Encrypt'), 'allowed');
  await makePolicy(account, 'no-key', { Effect: 'Deny', Action: 'kms:Decrypt', Resource: '*' });
  await attach(account, 'Custom', 'no-key');
  await attach(account, 'System', 'AliyunECSDiskEncryptRolePolicy');
  assert.notEqual(await ask(account, 'kms:Decrypt'), 'allowed');
  assert.equal(await ask(account, 'kms:Encrypt'), 'allowed');
});

test('tags of the key decide where a policy asks for them, under the name of their service and under the common one', async () => {
  await using account = await openTestAccount();
  await makeRole(account);
  const tagged = (name: string, key: string) =>
    makePolicy(account, name, {
      Effect: 'Deny',
      Action: 'kms:Decrypt',
      Resource: '*',
      Condition: { StringEquals: { [key]: 'frozen' } },
    });
  await attach(account, 'System', 'AliyunECSDiskEncryptRolePolicy');
  const use = (context: Record<string, string>) =>
    evaluateServiceRole(account.database.read, {
      accountId: account.accountId,
      roleName: ROLE,
      service: 'ecs.aliyuncs.com',
      accesses: [{ action: 'kms:Decrypt', resource: `acs:kms:cn-hangzhou:${account.accountId}:key/k` }],
      context,
    });
  for (const [name, key] of [
    ['by-service', 'kms:tag/state'],
    ['common', 'acs:ResourceTag/state'],
  ] as const) {
    await tagged(name, key);
    await attach(account, 'Custom', name);
    assert.notEqual(await use({ 'kms:tag/state': 'frozen' }), 'allowed', key);
    assert.equal(await use({ 'kms:tag/state': 'live' }), 'allowed', key);
    const detached = attachment(account, 'Custom', name);
    await account.database.transact((transaction) => deleteAttachment(transaction, detached));
  }
});

test('M22: the role for sharing works for the receiver that it names, with exactly the sample policy', async () => {
  await using account = await openTestAccount();
  const { accountId } = account;
  const receiver = '2222222222222222';
  const roleName = 'AliyunECSShareEncryptImageDefaultRole';
  const trustPolicy = DISK_ROLE_TRUST.replace('ecs.', `${receiver}@ecs.`);
  await account.database.transact(async (transaction) => {
    await insertRole(transaction, {
      accountId,
      roleName,
      roleNameLower: roleName.toLowerCase(),
      roleId: '300000000000000002',
      description: '',
      trustPolicy,
      maxSessionDurationS: 3600,
      tags: [],
      createdMs: 1,
      updatedMs: 1,
    });
    await insertPolicy(
      transaction,
      {
        accountId,
        policyName: 'share',
        description: '',
        defaultVersion: 'v1',
        tags: [],
        createdMs: 1,
        updatedMs: 1,
      },
      sharingPolicyFor(accountId, 'k'),
    );
    const principal = { principalType: 'role', principalName: roleName.toLowerCase() } as const;
    const policy = { policyType: 'Custom', policyName: 'share' } as const;
    await insertAttachment(transaction, { accountId, ...principal, ...policy, attachedMs: 1 });
  });
  const use = (action: string, key = 'k', service = `${receiver}@ecs.aliyuncs.com`, region = 'cn-beijing') =>
    evaluateServiceRole(account.database.read, {
      accountId,
      roleName,
      service,
      accesses: [{ action, resource: `acs:kms:${region}:${accountId}:key/${key}` }],
    });
  for (const action of ['DescribeKey', 'TagResource', 'UntagResource', 'Encrypt', 'Decrypt', 'GenerateDataKey']) {
    assert.equal(await use(`kms:${action}`), 'allowed', action);
    assert.notEqual(await use(`kms:${action}`, 'other'), 'allowed', `${action} on another key`);
    assert.notEqual(await use(`kms:${action}`, 'k', undefined, 'cn-hangzhou'), 'allowed', `${action} elsewhere`);
  }
  assert.notEqual(await use('kms:DisableKey'), 'allowed');
  assert.equal(await use('kms:Decrypt', 'k', 'ecs.aliyuncs.com'), 'not-trusted');
  assert.equal(await use('kms:Decrypt', 'k', '3333333333333333@ecs.aliyuncs.com'), 'not-trusted');
});

test('roles of other accounts do not count', async () => {
  await using account = await openTestAccount();
  await makeRole(account);
  await attach(account, 'System', 'AdministratorAccess');
  const elsewhere = { accountId: '1111111111111111', roleName: ROLE, service: 'ecs.aliyuncs.com', accesses: [] };
  assert.equal(await evaluateServiceRole(account.database.read, elsewhere), 'role-missing');
});

test('an attachment that leads nowhere is corruption, not permission', async () => {
  await using account = await openTestAccount();
  await makeRole(account);
  await attach(account, 'System', 'AdministratorAccess');
  await attach(account, 'Custom', 'vanished');
  await assert.rejects(ask(account, 'kms:Decrypt'), (error: unknown) => isKind(error, 'corrupt'));
});

test("the disk role's system policy allows exactly what is documented", () => {
  const document = SYSTEM_POLICIES.get('AliyunECSDiskEncryptRolePolicy')?.document ?? '';
  assert.deepEqual(JSON.parse(document), {
    Version: '1',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['kms:List*', 'kms:DescribeKey', 'kms:TagResource', 'kms:UntagResource'],
        Resource: ['acs:kms:*:*:*', 'acs:kms:*:*:*/*'],
      },
      { Effect: 'Allow', Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey'], Resource: 'acs:kms:*:*:*/*' },
    ],
  });
});

test("what the key's own policy denies to the disk role it may not do, and what it allows needs no policy of the role", async () => {
  await using account = await openTestAccount();
  await makeRole(account);
  const { accountId } = account;
  const statement = (Effect: string, Action: string): object => ({
    Effect,
    Action,
    Principal: { RAM: `acs:ram::${accountId}:role/${ROLE}` },
    Resource: '*',
  });
  const setPolicy = (...statements: readonly object[]) =>
    account.database.transact((transaction) =>
      updateKey(transaction, 'k', { policy: JSON.stringify({ Version: '1', Statement: statements }) }),
    );
  await account.database.transact((transaction) => insertKey(transaction, aKey({ accountId, keyId: 'k' })));
  await setPolicy(statement('Allow', 'kms:Decrypt'));
  assert.equal(await ask(account, 'kms:Decrypt'), 'allowed');
  const missing = await ask(account, 'kms:Decrypt', 'kms:Encrypt');
  assert.equal(typeof missing === 'object' && missing.denied.action, 'kms:Encrypt');
  await attach(account, 'System', 'AliyunECSDiskEncryptRolePolicy');
  assert.equal(await ask(account, 'kms:Decrypt', 'kms:Encrypt'), 'allowed');
  await setPolicy(statement('Deny', 'kms:Decrypt'));
  const denied = await ask(account, 'kms:Encrypt', 'kms:Decrypt');
  assert.equal(typeof denied === 'object' && denied.denied.action, 'kms:Decrypt');
});
