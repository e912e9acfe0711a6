import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PolicyAuthorizer } from '../../../../src/ram/authorizer.ts';
import { createPolicy } from '../../../../src/services/ram/actions/CreatePolicy.ts';
import { createRole } from '../../../../src/services/ram/actions/CreateRole.ts';
import { SimulatePrincipalPolicy } from '../../../../src/services/sealdisk/actions/SimulatePrincipalPolicy.ts';
import {
  DISK_ROLE_TRUST,
  act,
  attach,
  attachToUser,
  callOf,
  openAccountWithUsers,
  refused,
} from '../../ram/support.ts';
import type { TestAccount } from '../../ram/support.ts';

interface Asked {
  readonly PrincipalArn: string;
  readonly ActionNames: readonly string[];
  readonly ResourceArns: readonly string[];
  readonly Context?: Readonly<Record<string, string>>;
  readonly SessionPolicy?: string;
}

const simulation = (account: TestAccount) =>
  SimulatePrincipalPolicy({ ...account, authorizer: new PolicyAuthorizer(account.database.read) });

const results = async (account: TestAccount, input: Asked) =>
  (await simulation(account).run(callOf(account, input))).Results?.Result ?? [];

const DOCUMENT = `{
  "Version": "1",
  "Statement": [
    {"Effect": "Allow", "Action": "kms:*", "Resource": "*"},
    {"Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"NotIpAddress": {"acs:SourceIp": "10.0.0.0/8"}}}
  ]
}`;

test('each action on each resource is decided, with policy, version, statement and its place in the text', async () => {
  await using account = await openAccountWithUsers('alice');
  await act(account, createPolicy(account), { PolicyName: 'keys', PolicyDocument: DOCUMENT });
  await attachToUser(account, 'Custom', 'keys', 'alice');
  const { accountId } = account;
  const ResourceArns = [`acs:kms:cn-hangzhou:${accountId}:key/k`, 'acs:kms:cn-hangzhou:1111111111111111:key/k'];
  const asked = {
    PrincipalArn: `acs:ram::${accountId}:user/alice`,
    ActionNames: ['kms:Encrypt', 'kms:Decrypt', 'ecs:CreateDisk'],
    ResourceArns,
  };
  const by = {
    PolicyLayer: 'AccountLevelIdentityBasedPolicy',
    PolicyType: 'Custom',
    PolicyName: 'keys',
    PolicyVersion: 'v1',
    AttachedTo: 'user/alice',
    Column: 5,
  };
  const [encrypt, decrypt, create, ...foreign] = await results(account, asked);
  const [Resource] = ResourceArns;
  assert.deepEqual(encrypt, { Action: 'kms:Encrypt', Resource, Decision: 'Allow', ...by, StatementIndex: 0, Line: 4 });
  assert.deepEqual(decrypt, {
    Action: 'kms:Decrypt',
    Resource,
    Decision: 'ExplicitDeny',
    ...by,
    StatementIndex: 1,
    Line: 5,
  });
  assert.deepEqual(create, {
    Action: 'ecs:CreateDisk',
    Resource,
    Decision: 'ImplicitDeny',
    PolicyLayer: by.PolicyLayer,
  });
  assert.deepEqual(
    foreign.map(({ Decision }) => Decision),
    ['ImplicitDeny', 'ImplicitDeny', 'ImplicitDeny'],
  );
  const inside = await results(account, { ...asked, Context: { 'acs:SourceIp': '10.1.1.1' } });
  assert.equal(inside[1]?.Decision, 'Allow');
});

test('roles are simulated with and without a session policy, and the account itself owns what it owns', async () => {
  await using account = await openAccountWithUsers();
  const { accountId } = account;
  await act(account, createRole(account), { RoleName: 'DiskRole', AssumeRolePolicyDocument: DISK_ROLE_TRUST });
  await attach(account, 'System', 'AliyunKMSFullAccess');
  const asked = { ActionNames: ['kms:Decrypt'], ResourceArns: [`acs:kms:cn-hangzhou:${accountId}:key/k`] };
  const role = { ...asked, PrincipalArn: `acs:ram::${accountId}:role/diskrole` };
  assert.deepEqual(
    (await results(account, role)).map(({ Decision, AttachedTo }) => [Decision, AttachedTo]),
    [['Allow', 'role/diskrole']],
  );
  const SessionPolicy = DOCUMENT.replaceAll('kms:', 'ecs:');
  const [narrowed] = await results(account, { ...role, SessionPolicy });
  assert.deepEqual([narrowed?.Decision, narrowed?.PolicyLayer], ['ImplicitDeny', 'SessionPolicy']);
  const [root] = await results(account, { ...asked, PrincipalArn: `acs:ram::${accountId}:root` });
  assert.deepEqual([root?.Decision, root?.PolicyName], ['Allow', undefined]);
});

test('what cannot be meant is refused, and principals of other accounts are not there', async () => {
  await using account = await openAccountWithUsers('alice');
  const { accountId } = account;
  const asked = {
    PrincipalArn: `acs:ram::${accountId}:user/alice`,
    ActionNames: ['kms:Decrypt'],
    ResourceArns: ['*'],
  };
  const ask = (changes: Partial<Asked>) => results(account, { ...asked, ...changes });
  for (const arn of ['alice', `acs:ram::${accountId}:group/devs`, `acs:kms::${accountId}:user/alice`]) {
    await assert.rejects(ask({ PrincipalArn: arn }), refused('InvalidParameter', 400, /PrincipalArn/));
  }
  const user = (owner: string, name: string) => ask({ PrincipalArn: `acs:ram::${owner}:user/${name}` });
  await assert.rejects(user(accountId, 'bob'), refused('EntityNotExist.User', 404));
  await assert.rejects(user('1111111111111111', 'alice'), refused('EntityNotExist.User', 404));
  const role = `acs:ram::${accountId}:role/none`;
  await assert.rejects(ask({ PrincipalArn: role }), refused('EntityNotExist.Role', 404));
  await assert.rejects(ask({ SessionPolicy: DOCUMENT }), refused('InvalidParameter', 400, /SessionPolicy/));
  await act(account, createRole(account), { RoleName: 'none', AssumeRolePolicyDocument: DISK_ROLE_TRUST });
  const malformed = ask({ PrincipalArn: role, SessionPolicy: '{' });
  await assert.rejects(malformed, refused('MalformedPolicyDocument', 400, /line 1, column 2/));
  const long = ask({ PrincipalArn: role, SessionPolicy: DOCUMENT.padEnd(2049) });
  await assert.rejects(long, refused('InvalidParameter', 400, /2048/));
  const many = ask({ ActionNames: Array.from({ length: 1001 }, () => 'kms:Decrypt') });
  await assert.rejects(many, refused('InvalidParameter', 400, /1000/));
  const context = ask({ Context: { 'acs:SourceIp': 'x'.repeat(513) } });
  await assert.rejects(context, refused('InvalidParameter', 400, /Context.*512/));
});

test('it asks for the right on the principal', async () => {
  await using account = await openAccountWithUsers();
  const input = { PrincipalArn: 'acs:ram::1:user/a', ActionNames: [], ResourceArns: [] };
  assert.deepEqual(await simulation(account).access(callOf(account, input)), [
    { action: 'sealdisk:SimulatePrincipalPolicy', resource: 'acs:ram::1:user/a' },
  ]);
});
