import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listPolicyVersions } from '../../../../src/services/ram/actions/ListPolicyVersions.ts';
import { createPolicyVersion } from '../../../../src/services/ram/actions/CreatePolicyVersion.ts';
import { ALLOW_DECRYPT, act, makePolicy, openTestAccount, refused } from '../support.ts';

test('versions are listed oldest first by number, whatever their letters', async () => {
  await using account = await openTestAccount();
  await makePolicy(account, 'p');
  const RotateStrategy = 'DeleteOldestNonDefaultVersionWhenLimitExceeded';
  for (let count = 2; count <= 11; count++) {
    await act(account, createPolicyVersion(account), {
      PolicyName: 'p',
      PolicyDocument: ALLOW_DECRYPT,
      RotateStrategy,
    });
  }
  const list = (PolicyName: string, PolicyType: string) =>
    act(account, listPolicyVersions(account), { PolicyName, PolicyType });
  const { PolicyVersions } = await list('p', 'Custom');
  assert.deepEqual(
    PolicyVersions?.PolicyVersion.map(({ VersionId, IsDefaultVersion }) => [VersionId, IsDefaultVersion]),
    [
      ['v1', true],
      ['v8', false],
      ['v9', false],
      ['v10', false],
      ['v11', false],
    ],
  );
  const system = await list('AliyunKMSFullAccess', 'System');
  assert.deepEqual(
    system.PolicyVersions?.PolicyVersion.map((version) => version.VersionId),
    ['v1'],
  );
  await assert.rejects(list('none', 'Custom'), refused('EntityNotExist.Policy', 404));
});
