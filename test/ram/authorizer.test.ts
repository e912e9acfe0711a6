import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { isKind } from '../../src/base/errors.ts';
import { insertAccount } from '../../src/metadata/accounts.ts';
import { insertGroup, insertGroupMember } from '../../src/metadata/groups.ts';
import { insertKey } from '../../src/metadata/keys.ts';
import { insertPolicy, insertPolicyVersion, updatePolicy } from '../../src/metadata/policies.ts';
import { deleteAttachment, insertAttachment } from '../../src/metadata/policy-attachments.ts';
import type { PolicyAttachment, PrincipalType } from '../../src/metadata/policy-attachments.ts';
import { insertRole, updateRole } from '../../src/metadata/roles.ts';
import { accountArn, parseArn, roleArn, userArn } from '../../src/ram/arn.ts';
import { PolicyAuthorizer } from '../../src/ram/authorizer.ts';
import type { Signer } from '../../src/ram/authorizer.ts';
import { aKey } from '../metadata/support.ts';
import { DISK_ROLE_TRUST, openTestAccount } from './support.ts';
import type { TestAccount } from './support.ts';

const FACTS = { nowMs: Date.parse('2026-11-23T12:00:00Z'), sourceIp: '192.0.2.1', secureTransport: false };

const attachmentOf = (
  { accountId }: TestAccount,
  principal: string,
  policyName: string,
  policyType: 'System' | 'Custom' = 'Custom',
): PolicyAttachment => {
  const [principalType, principalName = ''] = principal.split('/');
  return {
    accountId,
    principalType: principalType as PrincipalType,
    principalName,
    policyType,
    policyName,
    attachedMs: 1,
  };
};

const attach = (account: TestAccount, principal: string, name: string, type: 'System' | 'Custom' = 'Custom') =>
  account.database.transact((transaction) =>
    insertAttachment(transaction, attachmentOf(account, principal, name, type)),
  );

const documentOf = (...statements: readonly object[]): string =>
  JSON.stringify({ Version: '1', Statement: statements });
const ALLOW_ALL = { Effect: 'Allow', Action: '*', Resource: '*' };

const makePolicy = (account: TestAccount, policyName: string, ...statements: readonly object[]) =>
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
      documentOf(...statements),
    ),
  );

const user = ({ accountId }: TestAccount, name = 'alice'): Signer => ({
  accountId,
  arn: userArn(accountId, name),
  principalType: 'RAMUser',
});

const session = ({ accountId }: TestAccount, sessionPolicy?: string): Signer => ({
  accountId,
  arn: `${roleArn(accountId, 'Ops')}/session`,
  principalType: 'AssumedRoleUser',
  ...(sessionPolicy !== undefined && { sessionPolicy }),
});

const keyAccess = ({ accountId }: TestAccount, action = 'kms:Decrypt') => ({
  action,
  resource: `acs:kms:cn-hangzhou:${accountId}:key/k`,
});

test('the account itself passes for what it owns, and for nothing of others', async () => {
  await using account = await openTestAccount();
  const { accountId } = account;
  const root: Signer = { accountId, arn: accountArn(accountId), principalType: 'Account' };
  const authorizer = new PolicyAuthorizer(account.database.read);
  const own = { action: 'ecs:CreateDisk', resource: `acs:ecs:cn-hangzhou:${accountId}:disk/*` };
  const foreign = { action: 'kms:Decrypt', resource: 'acs:kms:cn-hangzhou:1111111111111111:key/k' };
  assert.deepEqual(await authorizer.decide(root, [], FACTS), { allowed: true, decisions: [] });
  const allowed = { access: own, effect: 'Allow' };
  assert.deepEqual(await authorizer.decide(root, [own], FACTS), { allowed: true, decisions: [allowed] });
  assert.deepEqual(await authorizer.decide(root, [own, foreign], FACTS), {
    allowed: false,
    denied: foreign,
    reason: 'ImplicitDeny',
    policyType: 'AccountLevelIdentityBasedPolicy',
    decisions: [allowed, { access: foreign, effect: 'ImplicitDeny' }],
    principal: accountId,
  });
  const nameless = { action: 'ecs:CreateDisk', resource: '*' };
  assert.equal((await authorizer.decide(root, [nameless], FACTS)).allowed, false);
});

test('users and sessions of roles may do what is attached, in their own account only', async () => {
  await using account = await openTestAccount();
  const { accountId, database } = account;
  await attach(account, 'user/alice', 'AliyunKMSReadOnlyAccess', 'System');
  await attach(account, 'role/ops', 'AdministratorAccess', 'System');
  const authorizer = new PolicyAuthorizer(database.read);
  const may = async (signer: Signer, ...access: Parameters<PolicyAuthorizer['decide']>[1]) =>
    (await authorizer.decide(signer, access, FACTS)).allowed;
  const list = { action: 'kms:ListKeys', resource: `acs:kms:cn-hangzhou:${accountId}:key` };
  const decrypt = keyAccess(account);
  const foreign = { action: 'kms:Decrypt', resource: 'acs:kms:cn-hangzhou:1111111111111111:key/k' };
  assert.equal(await may(user(account), list), true);
  assert.equal(await may(user(account, 'Alice'), list), true);
  assert.equal(await may(user(account), decrypt), false);
  assert.equal(await may(session(account), list, decrypt), true);
  assert.equal(await may(session(account), foreign), false);
  assert.equal(await may(user(account, 'bob'), list), false);
});

test('the decision names the policy, its version and its statement, for what is allowed and for what is not', async () => {
  await using account = await openTestAccount();
  const { database } = account;
  await makePolicy(account, 'mixed', ALLOW_ALL, { Effect: 'Deny', Action: 'kms:Disable*', Resource: '*' });
  await attach(account, 'user/alice', 'mixed');
  const authorizer = new PolicyAuthorizer(database.read);
  const [good, bad] = [keyAccess(account), keyAccess(account, 'kms:DisableKey')];
  const by = { policyType: 'Custom', policy: 'mixed', version: 'v1', attachedTo: 'user/alice' };
  const allow = { ...by, statement: 0, at: { line: 1, column: 29 } };
  const deny = { ...by, statement: 1, at: { line: 1, column: 76 } };
  assert.deepEqual(await authorizer.decide(user(account), [good], FACTS), {
    allowed: true,
    decisions: [{ access: good, effect: 'Allow', by: allow }],
  });
  assert.deepEqual(await authorizer.decide(user(account), [good, bad, good], FACTS), {
    allowed: false,
    denied: bad,
    reason: 'ExplicitDeny',
    policyType: 'AccountLevelIdentityBasedPolicy',
    by: deny,
    decisions: [
      { access: good, effect: 'Allow', by: allow },
      { access: bad, effect: 'ExplicitDeny', by: deny },
    ],
    principal: 'alice',
  });
  const refusedSession = await authorizer.decide(session(account), [good], FACTS);
  assert.ok(!refusedSession.allowed);
  assert.deepEqual([refusedSession.principal, refusedSession.by], ['ops:session', undefined]);
});

test("policies of a user's groups count, and a Deny of a group wins over the user's own Allow", async () => {
  await using account = await openTestAccount();
  const { accountId, database } = account;
  await database.transact(async (transaction) => {
    const group = { accountId, groupNameLower: 'devs', groupName: 'Devs', groupId: '4', comments: '' };
    await insertGroup(transaction, { ...group, createdMs: 1, updatedMs: 1 });
    await insertGroupMember(transaction, { accountId, groupNameLower: 'devs', userNameLower: 'alice', joinedMs: 1 });
  });
  await makePolicy(account, 'no-decrypt', { Effect: 'Deny', Action: 'kms:Decrypt', Resource: '*' });
  const authorizer = new PolicyAuthorizer(database.read);
  const decide = (name: string) => authorizer.decide(user(account, name), [keyAccess(account)], FACTS);
  assert.equal((await decide('alice')).allowed, false);
  await attach(account, 'group/devs', 'AdministratorAccess', 'System');
  const { decisions } = await decide('alice');
  assert.deepEqual([decisions[0]?.effect, decisions[0]?.by?.attachedTo], ['Allow', 'group/devs']);
  assert.equal((await decide('bob')).allowed, false);
  await attach(account, 'user/alice', 'AdministratorAccess', 'System');
  await attach(account, 'group/devs', 'no-decrypt');
  assert.equal((await decide('alice')).allowed, false);
});

test('a session may do what both its policy and its role allow', async () => {
  await using account = await openTestAccount();
  await attach(account, 'role/ops', 'AliyunKMSFullAccess', 'System');
  const authorizer = new PolicyAuthorizer(account.database.read);
  const decide = (sessionPolicy: string, action = 'kms:Decrypt') =>
    authorizer.decide(session(account, sessionPolicy), [keyAccess(account, action)], FACTS);
  const narrow = documentOf({ Effect: 'Allow', Action: ['kms:Decrypt', 'ecs:*'], Resource: '*' });
  assert.equal((await decide(narrow)).allowed, true);
  const denied = await decide(narrow, 'kms:Encrypt');
  assert.ok(!denied.allowed);
  assert.deepEqual([denied.reason, denied.policyType], ['ImplicitDeny', 'SessionPolicy']);
  const beyond = await decide(narrow, 'ecs:CreateDisk');
  assert.ok(!beyond.allowed && beyond.policyType === 'AccountLevelIdentityBasedPolicy');
  const explicit = await decide(documentOf(ALLOW_ALL, { Effect: 'Deny', Action: 'kms:*', Resource: '*' }));
  assert.ok(!explicit.allowed);
  assert.deepEqual([explicit.reason, explicit.by?.policyType, explicit.by?.statement], ['ExplicitDeny', 'Session', 1]);
});

test('conditions see the request: time, address, transport, principal, no MFA device, tags to be given', async () => {
  await using account = await openTestAccount();
  const conditions: readonly [object, boolean][] = [
    [{ DateLessThan: { 'acs:CurrentTime': '2026-11-23T12:00:01Z' } }, true],
    [{ DateLessThan: { 'acs:CurrentTime': '2026-11-23T20:00:00+08:00' } }, false],
    [{ IpAddress: { 'acs:SourceIp': '192.0.2.0/24' } }, true],
    [{ NotIpAddress: { 'acs:SourceIp': ['10.0.0.0/8', '192.0.2.1'] } }, false],
    [{ Bool: { 'acs:SecureTransport': 'true' } }, false],
    [{ Bool: { 'acs:MFAPresent': 'false' } }, true],
    [{ StringLike: { 'acs:PrincipalARN': 'acs:ram:*:*:user/al*' } }, true],
    [{ StringEquals: { 'acs:RequestTag/env': 'prod' } }, true],
    [{ StringEquals: { 'acs:RequestTag/env': 'dev' } }, false],
    [{ StringNotEquals: { 'acs:PrincipalRDId': 'rd-1' } }, true],
  ];
  const authorizer = new PolicyAuthorizer(account.database.read);
  for (const [index, [Condition, holds]] of conditions.entries()) {
    await makePolicy(account, `p${index}`, { ...ALLOW_ALL, Condition });
    await attach(account, 'user/alice', `p${index}`);
    const facts = { ...FACTS, requestTags: { env: 'prod' } };
    const { allowed } = await authorizer.decide(user(account), [keyAccess(account)], facts);
    assert.equal(allowed, holds, JSON.stringify(Condition));
    await account.database.transact((transaction) =>
      deleteAttachment(transaction, attachmentOf(account, 'user/alice', `p${index}`)),
    );
  }
});

test('the principal of a session is its role', async () => {
  await using account = await openTestAccount();
  const Condition = { StringEquals: { 'acs:PrincipalARN': roleArn(account.accountId, 'Ops') } };
  await makePolicy(account, 'p', { ...ALLOW_ALL, Condition });
  await attach(account, 'role/ops', 'p');
  const authorizer = new PolicyAuthorizer(account.database.read);
  assert.equal((await authorizer.decide(session(account), [keyAccess(account)], FACTS)).allowed, true);
});

test('conditions on tags see those that the resource has at that moment', async () => {
  await using account = await openTestAccount();
  const { accountId, database } = account;
  const role = { accountId, roleNameLower: 'target' };
  await database.transact((transaction) =>
    insertRole(transaction, {
      ...role,
      roleName: 'Target',
      roleId: '3',
      description: '',
      trustPolicy: DISK_ROLE_TRUST,
      maxSessionDurationS: 3600,
      tags: [{ key: 'env', value: 'dev' }],
      createdMs: 1,
      updatedMs: 1,
    }),
  );
  await makePolicy(account, 'by-tag', { ...ALLOW_ALL, Condition: { StringEquals: { 'acs:ResourceTag/env': 'dev' } } });
  await attach(account, 'user/alice', 'by-tag');
  const authorizer = new PolicyAuthorizer(database.read);
  const may = async (name: string, owner = accountId) => {
    const access = { action: 'ram:DeleteRole', resource: roleArn(owner, name) };
    return (await authorizer.decide(user(account), [access], FACTS)).allowed;
  };
  assert.equal(await may('Target'), true);
  assert.equal(await may('none'), false);
  await database.transact((transaction) => updateRole(transaction, role, { tags: [{ key: 'env', value: 'prod' }] }));
  assert.equal(await may('Target'), false);
});

test('a changed policy counts from the next call, also where the old one was parsed before', async () => {
  await using account = await openTestAccount();
  const { accountId, database } = account;
  const authorizer = new PolicyAuthorizer(database.read);
  await makePolicy(account, 'p', ALLOW_ALL);
  await attach(account, 'user/alice', 'p');
  const may = async () => (await authorizer.decide(user(account), [keyAccess(account)], FACTS)).allowed;
  assert.equal(await may(), true);
  await database.transact(async (transaction) => {
    const document = documentOf({ ...ALLOW_ALL, Effect: 'Deny' });
    await insertPolicyVersion(transaction, { accountId, policyName: 'p', versionId: 'v2', document, createdMs: 1 });
    await updatePolicy(transaction, { accountId, policyName: 'p' }, { defaultVersion: 'v2' });
  });
  assert.equal(await may(), false);
  await database.transact((transaction) =>
    updatePolicy(transaction, { accountId, policyName: 'p' }, { defaultVersion: 'v1' }),
  );
  assert.equal(await may(), true);
});

test('a row that is edited behind our back is refused at the next call', async () => {
  await using account = await openTestAccount();
  await attach(account, 'user/alice', 'AliyunKMSReadOnlyAccess', 'System');
  const authorizer = new PolicyAuthorizer(account.database.read);
  const decide = () => authorizer.decide(user(account), [keyAccess(account)], FACTS);
  assert.equal((await decide()).allowed, false);
  const raw = new DatabaseSync(account.file);
  raw.exec("update policy_attachments set policy_name = 'AdministratorAccess'");
  raw.close();
  // What others commit is asked for once in a turn.
  await new Promise((resolve) => setImmediate(resolve));
  await assert.rejects(decide(), (error: unknown) => isKind(error, 'corrupt'));
});

test("what the policy of another account's key refuses looks like a key that is not there", async () => {
  await using account = await openTestAccount();
  const { accountId, database } = account;
  const stranger = '2222222222222222';
  const statement = (Effect: string, Action: string) => ({
    Effect,
    Action,
    Principal: { RAM: [`acs:ram::${stranger}:*`] },
    Resource: '*',
  });
  const policy = documentOf(statement('Deny', 'kms:Decrypt'), statement('Allow', 'kms:DescribeKey'));
  await database.transact(async (transaction) => {
    await insertKey(transaction, aKey({ accountId, policy }));
    await insertAccount(transaction, { accountId: stranger, regionId: 'cn-hangzhou', createdMs: 1 });
    const user = { accountId: stranger, principalType: 'user', principalName: 'eve' } as const;
    const admin = { policyType: 'System', policyName: 'AdministratorAccess', attachedMs: 1 } as const;
    await insertAttachment(transaction, { ...user, ...admin });
  });
  const authorizer = new PolicyAuthorizer(database.read);
  const root: Signer = { accountId: stranger, arn: accountArn(stranger), principalType: 'Account' };
  const eve: Signer = { accountId: stranger, arn: userArn(stranger, 'eve'), principalType: 'RAMUser' };
  const resource = (key: string) => `acs:kms:cn-hangzhou:${accountId}:key/${key}`;
  for (const signer of [root, eve]) {
    const decide = (action: string, key: string) =>
      authorizer.decide(signer, [{ action, resource: resource(key) }], FACTS);
    assert.equal((await decide('kms:DescribeKey', 'k')).allowed, true);
    const [there, absent] = [await decide('kms:Decrypt', 'k'), await decide('kms:Decrypt', 'none')];
    assert.ok(!there.allowed && !absent.allowed);
    assert.deepEqual([there.reason, there.by, there.policyType], [absent.reason, absent.by, absent.policyType]);
  }
});

test('a simulation decides about everything it is asked, as the front door would', async () => {
  await using account = await openTestAccount();
  await makePolicy(account, 'p', { ...ALLOW_ALL, Condition: { IpAddress: { 'acs:SourceIp': '10.0.0.0/8' } } });
  await attach(account, 'user/alice', 'p');
  const authorizer = new PolicyAuthorizer(account.database.read);
  const foreign = { action: 'kms:Decrypt', resource: 'acs:kms:cn-hangzhou:1111111111111111:key/k' };
  const effects = async (context: Record<string, string>) =>
    (await authorizer.simulate(user(account), [foreign, keyAccess(account)], context)).map(({ effect }) => effect);
  assert.deepEqual(await effects({}), ['ImplicitDeny', 'ImplicitDeny']);
  assert.deepEqual(await effects({ 'ACS:sourceip': '10.1.1.1' }), ['ImplicitDeny', 'Allow']);
});

test('a policy decides whether its holder may ask for a role of another account; the account itself never may', async () => {
  await using account = await openTestAccount();
  const { accountId, database } = account;
  await database.transact(async (transaction) => {
    const holder = { accountId, principalType: 'user', principalName: 'alice', attachedMs: 1 } as const;
    await insertAttachment(transaction, { ...holder, policyType: 'System', policyName: 'AliyunRAMFullAccess' });
  });
  const authorizer = new PolicyAuthorizer(database.read);
  const decide = async (signer: Signer, action: string): Promise<boolean> => {
    const access = { action, resource: 'acs:ram::1111111111111111:role/theirs' };
    return (await authorizer.decide(signer, [access], FACTS)).allowed;
  };
  const alice: Signer = { accountId, arn: userArn(accountId, 'alice'), principalType: 'RAMUser' };
  const bob: Signer = { ...alice, arn: userArn(accountId, 'bob') };
  const root: Signer = { accountId, arn: accountArn(accountId), principalType: 'Account' };
  assert.equal(await decide(alice, 'sts:AssumeRole'), true);
  assert.equal(await decide(alice, 'ram:GetRole'), false);
  assert.equal(await decide(bob, 'sts:AssumeRole'), false);
  assert.equal(await decide(root, 'sts:AssumeRole'), false);
});

test('the policy of a session takes away and never gives', async () => {
  await using account = await openTestAccount();
  const { accountId, database } = account;
  await database.transact(async (transaction) => {
    const holder = { accountId, principalType: 'role', principalName: 'ops', attachedMs: 1 } as const;
    await insertAttachment(transaction, { ...holder, policyType: 'System', policyName: 'AliyunKMSFullAccess' });
  });
  const authorizer = new PolicyAuthorizer(database.read);
  const session = (...statements: readonly object[]): Signer => ({
    accountId,
    arn: `${roleArn(accountId, 'Ops')}/session`,
    principalType: 'AssumedRoleUser',
    sessionPolicy: JSON.stringify({ Version: '1', Statement: statements }),
  });
  const decrypt = { action: 'kms:Decrypt', resource: `acs:kms:cn-hangzhou:${accountId}:key/k` };
  const create = { action: 'ecs:CreateDisk', resource: `acs:ecs:cn-hangzhou:${accountId}:disk/*` };
  const allow = { Effect: 'Allow', Action: ['kms:Decrypt', 'ecs:*'], Resource: '*' };
  const deny = { Effect: 'Deny', Action: 'kms:*', Resource: '*' };
  const other = { Effect: 'Allow', Action: 'kms:List*', Resource: '*' };
  const reason = async (signer: Signer, access: typeof decrypt): Promise<string> => {
    const decision = await authorizer.decide(signer, [access], FACTS);
    return decision.allowed ? 'Allow' : decision.reason;
  };
  assert.equal(await reason(session(allow), decrypt), 'Allow');
  assert.equal(await reason(session(allow), create), 'ImplicitDeny');
  assert.equal(await reason(session(other), decrypt), 'ImplicitDeny');
  assert.equal(await reason(session(allow, deny), decrypt), 'ExplicitDeny');
});

test('ARNs of roles are lower case, and the relative id may hold colons', () => {
  assert.equal(roleArn('1', 'ECSAdmin'), 'acs:ram::1:role/ecsadmin');
  assert.deepEqual(parseArn('acs:kms:r:1:key/a:b'), {
    service: 'kms',
    regionId: 'r',
    accountId: '1',
    relativeId: 'key/a:b',
  });
  assert.equal(parseArn('arn:aws:iam::1:root'), undefined);
});
