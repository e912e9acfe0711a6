import assert from 'node:assert/strict';
import { test } from 'node:test';

import { deletePolicy } from '../../../../src/services/ram/actions/DeletePolicy.ts';
import { attachPolicyToGroup } from '../../../../src/services/ram/actions/AttachPolicyToGroup.ts';
import { createPolicyVersion } from '../../../../src/services/ram/actions/CreatePolicyVersion.ts';
import { deletePolicyVersion } from '../../../../src/services/ram/actions/DeletePolicyVersion.ts';
import { detachPolicyFromGroup } from '../../../../src/services/ram/actions/DetachPolicyFromGroup.ts';
import { detachPolicyFromRole } from '../../../../src/services/ram/actions/DetachPolicyFromRole.ts';
import { detachPolicyFromUser } from '../../../../src/services/ram/actions/DetachPolicyFromUser.ts';
import { getPolicy } from '../../../../src/services/ram/actions/GetPolicy.ts';
import { listPolicyVersions } from '../../../../src/services/ram/actions/ListPolicyVersions.ts';
import {
  ALLOW_DECRYPT,
  act,
  attach,
  attachToUser,
  decryptAccess,
  makeGroup,
  makePolicy,
  mayUser,
  openAccountWithRole,
  refused,
} from '../support.ts';
import { createUser } from '../../../../src/services/ram/actions/CreateUser.ts';

const PolicyName = 'decrypt';
const CUSTOM = { PolicyType: 'Custom', PolicyName };

test('a policy goes when it is attached to nobody and has one version', async () => {
  await using account = await openAccountWithRole();
  const remove = () => act(account, deletePolicy(account), { PolicyName });
  await act(account, createUser(account), { UserName: 'alice' });
  await makeGroup(account, 'devs');
  await makePolicy(account, PolicyName);
  await attachToUser(account, 'Custom', PolicyName, 'alice');
  await assert.rejects(remove(), refused('DeleteConflict.Policy.User', 409, /user alice/));
  await act(account, detachPolicyFromUser(account), { ...CUSTOM, UserName: 'alice' });
  await act(account, attachPolicyToGroup(account), { ...CUSTOM, GroupName: 'devs' });
  await assert.rejects(remove(), refused('DeleteConflict.Policy.Group', 409));
  await act(account, detachPolicyFromGroup(account), { ...CUSTOM, GroupName: 'devs' });
  await attach(account, 'Custom', PolicyName);
  await assert.rejects(remove(), refused('DeleteConflict.Policy.Role', 409));
  await act(account, detachPolicyFromRole(account), { ...CUSTOM, RoleName: 'DiskRole' });
  await act(account, createPolicyVersion(account), { PolicyName, PolicyDocument: ALLOW_DECRYPT });
  await assert.rejects(remove(), refused('DeleteConflict.Policy.Version', 409));
  await act(account, deletePolicyVersion(account), { PolicyName, VersionId: 'v2' });
  assert.deepEqual(await remove(), {});
  await assert.rejects(act(account, getPolicy(account), CUSTOM), refused('EntityNotExist.Policy', 404));
  await assert.rejects(remove(), refused('EntityNotExist.Policy', 404));
});

test('with CascadingDelete it is detached and loses all versions, so that a new policy of the name starts anew', async () => {
  await using account = await openAccountWithRole();
  await act(account, createUser(account), { UserName: 'alice' });
  await makePolicy(account, PolicyName);
  await attachToUser(account, 'Custom', PolicyName, 'alice');
  await act(account, createPolicyVersion(account), { PolicyName, PolicyDocument: ALLOW_DECRYPT });
  await act(account, deletePolicy(account), { PolicyName, CascadingDelete: true });
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), false);
  await makePolicy(account, PolicyName);
  const { PolicyVersions } = await act(account, listPolicyVersions(account), CUSTOM);
  assert.deepEqual(
    PolicyVersions?.PolicyVersion.map((version) => version.VersionId),
    ['v1'],
  );
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), false);
});

test('system policies are not deleted', async () => {
  await using account = await openAccountWithRole();
  const remove = act(account, deletePolicy(account), { PolicyName: 'AdministratorAccess', CascadingDelete: true });
  await assert.rejects(remove, refused('EntityNotExist.Policy', 404));
});
