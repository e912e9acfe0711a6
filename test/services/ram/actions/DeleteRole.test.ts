import assert from 'node:assert/strict';
import { test } from 'node:test';

import { deleteRole } from '../../../../src/services/ram/actions/DeleteRole.ts';
import { detachPolicyFromRole } from '../../../../src/services/ram/actions/DetachPolicyFromRole.ts';
import { getRole } from '../../../../src/services/ram/actions/GetRole.ts';
import { act, attach, openAccountWithRole, refused } from '../support.ts';

test('a role goes when its policies are detached, and not before', async () => {
  await using account = await openAccountWithRole();
  await attach(account, 'System', 'AdministratorAccess');
  await assert.rejects(
    act(account, deleteRole(account), { RoleName: 'DiskRole' }),
    refused('DeleteConflict.Role.Policy', 409),
  );
  const attachment = { RoleName: 'DiskRole', PolicyType: 'System', PolicyName: 'AdministratorAccess' };
  await act(account, detachPolicyFromRole(account), attachment);
  assert.deepEqual(await act(account, deleteRole(account), { RoleName: 'diskrole' }), {});
  await assert.rejects(act(account, getRole(account), { RoleName: 'DiskRole' }), refused('EntityNotExist.Role', 404));
  await assert.rejects(
    act(account, deleteRole(account), { RoleName: 'DiskRole' }),
    refused('EntityNotExist.Role', 404),
  );
});

test("another account's role stays", async () => {
  await using account = await openAccountWithRole();
  await assert.rejects(
    act(account, deleteRole(account), { RoleName: 'DiskRole' }, '1111111111111111'),
    refused('EntityNotExist.Role', 404),
  );
  await act(account, getRole(account), { RoleName: 'DiskRole' });
});
