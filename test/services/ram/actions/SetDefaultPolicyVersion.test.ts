import assert from 'node:assert/strict';
import { test } from 'node:test';

import { setDefaultPolicyVersion } from '../../../../src/services/ram/actions/SetDefaultPolicyVersion.ts';
import { createPolicyVersion } from '../../../../src/services/ram/actions/CreatePolicyVersion.ts';
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

test('another version is in force from the next call, and back again', async () => {
  await using account = await openAccountWithUsers('alice');
  await makePolicy(account, 'p');
  await attachToUser(account, 'Custom', 'p', 'alice');
  const PolicyDocument = ALLOW_DECRYPT.replace('Allow', 'Deny');
  await act(account, createPolicyVersion(account), { PolicyName: 'p', PolicyDocument });
  const set = (VersionId: string, PolicyName = 'p') =>
    act(account, setDefaultPolicyVersion(account), { PolicyName, VersionId });
  await set('v2');
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), false);
  await set('v1');
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), true);
  await assert.rejects(set('v3'), refused('EntityNotExist.Policy.Version', 404));
  await assert.rejects(set('v1', 'none'), refused('EntityNotExist.Policy', 404));
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), true);
});
