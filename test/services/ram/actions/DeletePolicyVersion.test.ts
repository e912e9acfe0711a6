import assert from 'node:assert/strict';
import { test } from 'node:test';

import { deletePolicyVersion } from '../../../../src/services/ram/actions/DeletePolicyVersion.ts';
import { createPolicyVersion } from '../../../../src/services/ram/actions/CreatePolicyVersion.ts';
import { getPolicyVersion } from '../../../../src/services/ram/actions/GetPolicyVersion.ts';
import { ALLOW_DECRYPT, act, makePolicy, openTestAccount, refused } from '../support.ts';

test('a version goes unless it is the default one', async () => {
  await using account = await openTestAccount();
  await makePolicy(account, 'p');
  await act(account, createPolicyVersion(account), { PolicyName: 'p', PolicyDocument: ALLOW_DECRYPT });
  const remove = (VersionId: string, PolicyName = 'p') =>
    act(account, deletePolicyVersion(account), { PolicyName, VersionId });
  await assert.rejects(remove('v1'), refused('DeleteConflict.Policy.Version.Default', 409));
  assert.deepEqual(await remove('v2'), {});
  await assert.rejects(remove('v2'), refused('EntityNotExist.Policy.Version', 404));
  await assert.rejects(remove('v1', 'none'), refused('EntityNotExist.Policy', 404));
  await assert.rejects(remove('2'), refused('InvalidParameter.VersionId.Format', 400));
  const gone = act(account, getPolicyVersion(account), { PolicyType: 'Custom', PolicyName: 'p', VersionId: 'v2' });
  await assert.rejects(gone, refused('EntityNotExist.Policy.Version', 404));
});
