import assert from 'node:assert/strict';
import { test } from 'node:test';

import { getPolicy } from '../../../../src/services/ram/actions/GetPolicy.ts';
import { createPolicyVersion } from '../../../../src/services/ram/actions/CreatePolicyVersion.ts';
import {
  ALLOW_DECRYPT,
  OTHER_ACCOUNT,
  act,
  attachToUser,
  callOf,
  makePolicy,
  openAccountWithUsers,
  refused,
} from '../support.ts';

const CUSTOM = { PolicyType: 'Custom', PolicyName: 'decrypt' };

test('a policy is shown with the version that is in force and how often it is attached', async () => {
  await using account = await openAccountWithUsers('alice');
  await makePolicy(account, 'decrypt');
  await attachToUser(account, 'Custom', 'decrypt', 'alice');
  const PolicyDocument = ALLOW_DECRYPT.replace('Decrypt', 'Encrypt');
  account.clock.ms += 1000;
  await act(account, createPolicyVersion(account), { PolicyName: 'decrypt', PolicyDocument, SetAsDefault: true });
  assert.deepEqual(await act(account, getPolicy(account), CUSTOM), {
    Policy: {
      ...CUSTOM,
      Description: '',
      DefaultVersion: 'v2',
      PolicyDocument,
      AttachmentCount: 1,
      CreateDate: '2026-11-23T12:00:00Z',
      UpdateDate: '2026-11-23T12:00:01Z',
    },
    DefaultPolicyVersion: {
      VersionId: 'v2',
      IsDefaultVersion: true,
      PolicyDocument,
      CreateDate: '2026-11-23T12:00:01Z',
    },
  });
});

test("system policies are everybody's, custom ones their account's", async () => {
  await using account = await openAccountWithUsers();
  await makePolicy(account, 'decrypt');
  const system = { PolicyType: 'System', PolicyName: 'AdministratorAccess' };
  const { Policy, DefaultPolicyVersion } = await act(account, getPolicy(account), system);
  assert.deepEqual([Policy?.DefaultVersion, Policy?.AttachmentCount], ['v1', 0]);
  assert.equal(JSON.parse(DefaultPolicyVersion?.PolicyDocument ?? '').Statement[0].Action, '*');
  const get = (input: typeof CUSTOM, accountId?: string) => act(account, getPolicy(account), input, accountId);
  await assert.rejects(get(CUSTOM, OTHER_ACCOUNT), refused('EntityNotExist.Policy', 404));
  await assert.rejects(get({ ...CUSTOM, PolicyName: 'AdministratorAccess' }), refused('EntityNotExist.Policy', 404));
  await assert.rejects(get({ ...CUSTOM, PolicyType: 'All' }), refused('InvalidParameter.PolicyType', 400));
  const resources = async (input: typeof CUSTOM) =>
    (await getPolicy(account).access(callOf(account, input))).map(({ resource }) => resource);
  assert.deepEqual(await resources(CUSTOM), [`acs:ram::${account.accountId}:policy/decrypt`]);
  assert.deepEqual(await resources(system), ['acs:ram::system:policy/AdministratorAccess']);
});
