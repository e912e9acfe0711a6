import assert from 'node:assert/strict';
import { test } from 'node:test';

import { insertAttachment } from '../../src/metadata/policy-attachments.ts';
import { accountArn, parseArn, roleArn, userArn } from '../../src/ram/arn.ts';
import { PolicyAuthorizer } from '../../src/ram/authorizer.ts';
import type { Signer } from '../../src/ram/authorizer.ts';
import { openTestAccount } from './support.ts';

const FACTS = { nowMs: 0, sourceIp: '127.0.0.1', secureTransport: false };

test('the account itself passes for what it owns, and for nothing of others', async () => {
  await using account = await openTestAccount();
  const { accountId } = account;
  const root: Signer = { accountId, arn: accountArn(accountId), principalType: 'Account' };
  const authorizer = new PolicyAuthorizer(account.database.read);
  const own = { action: 'ecs:CreateDisk', resource: `acs:ecs:cn-hangzhou:${accountId}:disk/*` };
  const foreign = { action: 'kms:Decrypt', resource: 'acs:kms:cn-hangzhou:1111111111111111:key/k' };
  assert.deepEqual(await authorizer.decide(root, [], FACTS), { allowed: true });
  assert.deepEqual(await authorizer.decide(root, [own], FACTS), { allowed: true });
  assert.deepEqual(await authorizer.decide(root, [own, foreign], FACTS), {
    allowed: false,
    denied: foreign,
    reason: 'ImplicitDeny',
  });
  const nameless = { action: 'ecs:CreateDisk', resource: '*' };
  assert.equal((await authorizer.decide(root, [nameless], FACTS)).allowed, false);
});

test('users and sessions of roles may do what is attached, in their own account only', async () => {
  await using account = await openTestAccount();
  const { accountId, database } = account;
  await database.transact(async (transaction) => {
    const common = { accountId, policyType: 'System', attachedMs: 1 } as const;
    const user = { ...common, principalType: 'user', principalName: 'alice' } as const;
    await insertAttachment(transaction, { ...user, policyName: 'AliyunKMSReadOnlyAccess' });
    const role = { ...common, principalType: 'role', principalName: 'ops' } as const;
    await insertAttachment(transaction, { ...role, policyName: 'AdministratorAccess' });
  });
  const authorizer = new PolicyAuthorizer(database.read);
  const alice: Signer = { accountId, arn: userArn(accountId, 'alice'), principalType: 'RAMUser' };
  const ops: Signer = { accountId, arn: `${roleArn(accountId, 'Ops')}/session`, principalType: 'AssumedRoleUser' };
  const list = { action: 'kms:ListKeys', resource: `acs:kms:cn-hangzhou:${accountId}:key` };
  const decrypt = { action: 'kms:Decrypt', resource: `acs:kms:cn-hangzhou:${accountId}:key/k` };
  const foreign = { action: 'kms:Decrypt', resource: 'acs:kms:cn-hangzhou:1111111111111111:key/k' };
  assert.equal((await authorizer.decide(alice, [list], FACTS)).allowed, true);
  assert.equal((await authorizer.decide(alice, [decrypt], FACTS)).allowed, false);
  assert.equal((await authorizer.decide(ops, [list, decrypt], FACTS)).allowed, true);
  assert.equal((await authorizer.decide(ops, [foreign], FACTS)).allowed, false);
  const bob: Signer = { accountId, arn: userArn(accountId, 'bob'), principalType: 'RAMUser' };
  assert.equal((await authorizer.decide(bob, [list], FACTS)).allowed, false);
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
