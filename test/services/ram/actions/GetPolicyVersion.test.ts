import assert from 'node:assert/strict';
import { test } from 'node:test';

import { getPolicyVersion } from '../../../../src/services/ram/actions/GetPolicyVersion.ts';
import { createPolicyVersion } from '../../../../src/services/ram/actions/CreatePolicyVersion.ts';
import { ALLOW_DECRYPT, act, makePolicy, openTestAccount, refused } from '../support.ts';

test('any version is shown, in force or not, of custom and system policies', async () => {
  await using account = await openTestAccount();
  await makePolicy(account, 'p');
  const PolicyDocument = ALLOW_DECRYPT.replace('Decrypt', 'Encrypt');
  await act(account, createPolicyVersion(account), { PolicyName: 'p', PolicyDocument });
  const get = (PolicyName: string, VersionId: string, PolicyType = 'Custom') =>
    act(account, getPolicyVersion(account), { PolicyName, PolicyType, VersionId });
  assert.deepEqual((await get('p', 'v2')).PolicyVersion, {
    VersionId: 'v2',
    IsDefaultVersion: false,
    PolicyDocument,
    CreateDate: '2026-11-23T12:00:00Z',
  });
  assert.equal((await get('p', 'v1')).PolicyVersion?.IsDefaultVersion, true);
  assert.equal((await get('AdministratorAccess', 'v1', 'System')).PolicyVersion?.IsDefaultVersion, true);
  await assert.rejects(get('p', 'v3'), refused('EntityNotExist.Policy.Version', 404));
  await assert.rejects(get('AdministratorAccess', 'v2', 'System'), refused('EntityNotExist.Policy.Version', 404));
  await assert.rejects(get('none', 'v1'), refused('EntityNotExist.Policy', 404));
  for (const bad of ['1', 'v0', 'v', 'V1']) {
    await assert.rejects(get('p', bad), refused('InvalidParameter.VersionId.Format', 400));
  }
});
