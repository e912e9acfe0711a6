import assert from 'node:assert/strict';
import { test } from 'node:test';

import { detachPolicyFromRole } from '../../../../src/services/ram/actions/DetachPolicyFromRole.ts';
import { listPoliciesForRole } from '../../../../src/services/ram/actions/ListPoliciesForRole.ts';
import { act, attach, makePolicy, openAccountWithRole, refused } from '../support.ts';

test('only the named policy of the named type is taken away', async () => {
  await using account = await openAccountWithRole();
  await makePolicy(account, 'AdministratorAccess');
  await attach(account, 'System', 'AdministratorAccess');
  await attach(account, 'Custom', 'AdministratorAccess');
  const input = { RoleName: 'diskrole', PolicyName: 'AdministratorAccess', PolicyType: 'System' };
  assert.deepEqual(await act(account, detachPolicyFromRole(account), input), {});
  const { Policies } = await act(account, listPoliciesForRole(account), { RoleName: 'DiskRole' });
  assert.deepEqual(
    Policies?.Policy.map((policy) => policy.PolicyType),
    ['Custom'],
  );
  await assert.rejects(act(account, detachPolicyFromRole(account), input), refused('EntityNotExist.Role.Policy', 404));
});

test('an unknown role, a policy that is not attached and a wrong type are refused', async () => {
  await using account = await openAccountWithRole();
  const input = { RoleName: 'DiskRole', PolicyName: 'NoSuch', PolicyType: 'Custom' };
  const detach = (changes: object) => act(account, detachPolicyFromRole(account), { ...input, ...changes });
  await assert.rejects(detach({}), refused('EntityNotExist.Role.Policy', 404));
  await assert.rejects(detach({ RoleName: 'Other' }), refused('EntityNotExist.Role', 404));
  await assert.rejects(detach({ PolicyType: 'Any' }), refused('InvalidParameter.PolicyType', 400));
});
