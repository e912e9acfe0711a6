import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createPolicyVersion } from '../../../../src/services/ram/actions/CreatePolicyVersion.ts';
import { deletePolicyVersion } from '../../../../src/services/ram/actions/DeletePolicyVersion.ts';
import { listPolicyVersions } from '../../../../src/services/ram/actions/ListPolicyVersions.ts';
import {
  ALLOW_DECRYPT,
  act,
  attachToUser,
  decryptAccess,
  makePolicy,
  mayUser,
  openAccountWithUsers,
  refused,
} from '../support.ts';
import type { TestAccount } from '../support.ts';

const PolicyName = 'p';
const DENY = ALLOW_DECRYPT.replace('Allow', 'Deny');

const make = (account: TestAccount, more: object = {}) =>
  act(account, createPolicyVersion(account), { PolicyName, PolicyDocument: DENY, ...more });

const versionIds = async (account: TestAccount) =>
  (
    await act(account, listPolicyVersions(account), { PolicyType: 'Custom', PolicyName })
  ).PolicyVersions?.PolicyVersion.map((version) => version.VersionId);

test('a version is in force from the next call when it is made the default, and else not', async () => {
  await using account = await openAccountWithUsers('alice');
  await makePolicy(account, PolicyName);
  await attachToUser(account, 'Custom', PolicyName, 'alice');
  const { PolicyVersion } = await make(account);
  assert.deepEqual(PolicyVersion, {
    VersionId: 'v2',
    IsDefaultVersion: false,
    PolicyDocument: DENY,
    CreateDate: '2026-11-23T12:00:00Z',
  });
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), true);
  assert.equal((await make(account, { SetAsDefault: true })).PolicyVersion?.IsDefaultVersion, true);
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), false);
});

test('a policy has at most 5 versions; with rotation the oldest that is not in force makes room', async () => {
  await using account = await openAccountWithUsers();
  await makePolicy(account, PolicyName);
  for (let count = 2; count <= 5; count++) await make(account);
  await assert.rejects(make(account), refused('LimitExceeded.Policy.Version', 409, /RotateStrategy/));
  await assert.rejects(make(account, { RotateStrategy: 'None' }), refused('LimitExceeded.Policy.Version', 409));
  const RotateStrategy = 'DeleteOldestNonDefaultVersionWhenLimitExceeded';
  await make(account, { RotateStrategy });
  assert.deepEqual(await versionIds(account), ['v1', 'v3', 'v4', 'v5', 'v6']);
  await make(account, { RotateStrategy, SetAsDefault: true });
  await make(account, { RotateStrategy });
  assert.deepEqual(await versionIds(account), ['v4', 'v5', 'v6', 'v7', 'v8']);
  const bad = make(account, { RotateStrategy: 'Oldest' });
  await assert.rejects(bad, refused('InvalidParameter.RotateStrategy', 400));
});

test('the id of a deleted version is not used again', async () => {
  await using account = await openAccountWithUsers();
  await makePolicy(account, PolicyName);
  await make(account);
  await act(account, deletePolicyVersion(account), { PolicyName, VersionId: 'v2' });
  assert.equal((await make(account)).PolicyVersion?.VersionId, 'v3');
});

test('documents are held to the rules of new policies', async () => {
  await using account = await openAccountWithUsers();
  await makePolicy(account, PolicyName);
  const malformed = make(account, { PolicyDocument: DENY.replace('"1"', '1') });
  await assert.rejects(malformed, refused('MalformedPolicyDocument', 400, /line 1, column/));
  const long = make(account, { PolicyDocument: DENY.padEnd(6145) });
  await assert.rejects(long, refused('InvalidParameter.PolicyDocument.Length', 400));
  await assert.rejects(make(account, { PolicyName: 'none' }), refused('EntityNotExist.Policy', 404));
  const system = make(account, { PolicyName: 'AdministratorAccess' });
  await assert.rejects(system, refused('EntityNotExist.Policy', 404));
  assert.deepEqual(await versionIds(account), ['v1']);
});
