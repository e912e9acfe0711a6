import assert from 'node:assert/strict';
import { test } from 'node:test';

import { findPolicyVersion } from '../../../../src/metadata/policies.ts';
import { createPolicy } from '../../../../src/services/ram/actions/CreatePolicy.ts';
import { SHARING_POLICY, SHARING_POLICY_AS_PRINTED } from '../../../ram/policy/sharing-policy.ts';
import { ALLOW_DECRYPT, act, openTestAccount, refused } from '../support.ts';

const INPUT = { PolicyName: 'my-policy', PolicyDocument: ALLOW_DECRYPT };

test('a policy is made with version v1, its document kept as given', async () => {
  await using account = await openTestAccount();
  const { Policy } = await act(account, createPolicy(account), { ...INPUT, Description: 'd' });
  assert.deepEqual(Policy, {
    PolicyName: 'my-policy',
    PolicyType: 'Custom',
    Description: 'd',
    DefaultVersion: 'v1',
    CreateDate: '2026-11-23T12:00:00Z',
  });
  const version = await findPolicyVersion(account.database.read, account.accountId, 'my-policy', 'v1');
  assert.equal(version?.document, ALLOW_DECRYPT);
  await assert.rejects(act(account, createPolicy(account), INPUT), refused('EntityAlreadyExists.Policy', 409));
});

test('each parameter is held to its rule', async () => {
  await using account = await openTestAccount();
  const missingComma = ALLOW_DECRYPT.replace('"Allow",', '"Allow"');
  const bad: readonly [object, string, RegExp?][] = [
    [{ PolicyName: 'x'.repeat(129) }, 'InvalidParameter.PolicyName.Length'],
    [{ PolicyName: 'a.b' }, 'InvalidParameter.PolicyName.InvalidChars'],
    [{ Description: 'x'.repeat(1025) }, 'InvalidParameter.Description.Length'],
    [{ PolicyDocument: ALLOW_DECRYPT.padEnd(6145) }, 'InvalidParameter.PolicyDocument.Length'],
    [{ PolicyDocument: missingComma }, 'MalformedPolicyDocument', /PolicyDocument: .*\(line 1, column 46\)/],
    [{ PolicyDocument: ALLOW_DECRYPT.replace('"1"', '"2"') }, 'MalformedPolicyDocument', /Version/],
    [{ Tag: 'x' }, 'InvalidParameter.Tag.Format'],
  ];
  for (const [changes, code, message] of bad) {
    await assert.rejects(act(account, createPolicy(account), { ...INPUT, ...changes }), refused(code, 400, message));
  }
  await act(account, createPolicy(account), INPUT);
});

test('M23: the sample policy is refused as it is printed, with line and column, and taken with its comma', async () => {
  await using account = await openTestAccount();
  const make = (PolicyDocument: string) => act(account, createPolicy(account), { PolicyName: 'share', PolicyDocument });
  const where = /^PolicyDocument: Expected ',' or '\]', found a double quote \(line 19, column 9\)\.$/;
  await assert.rejects(make(SHARING_POLICY_AS_PRINTED), refused('MalformedPolicyDocument', 400, where));
  await make(SHARING_POLICY);
});
