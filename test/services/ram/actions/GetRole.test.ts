import assert from 'node:assert/strict';
import { test } from 'node:test';

import { getRole } from '../../../../src/services/ram/actions/GetRole.ts';
import { DISK_ROLE_TRUST, act, callOf, openAccountWithRole, refused } from '../support.ts';

test('a role is found in any case and shown with its trust policy', async () => {
  await using account = await openAccountWithRole('DiskRole');
  const { Role } = await act(account, getRole(account), { RoleName: 'diskROLE' });
  assert.equal(Role?.RoleName, 'DiskRole');
  assert.equal(Role?.AssumeRolePolicyDocument, DISK_ROLE_TRUST);
  assert.equal(Role?.UpdateDate, '2026-11-23T12:00:00Z');
});

test('unknown roles, and those of other accounts, do not exist', async () => {
  await using account = await openAccountWithRole('DiskRole');
  await assert.rejects(act(account, getRole(account), { RoleName: 'Other' }), refused('EntityNotExist.Role', 404));
  await assert.rejects(
    act(account, getRole(account), { RoleName: 'DiskRole' }, '1111111111111111'),
    refused('EntityNotExist.Role', 404),
  );
  await assert.rejects(
    act(account, getRole(account), { RoleName: 'a/b' }),
    refused('InvalidParameter.RoleName.InvalidChars', 400),
  );
});

test('it asks for permission on that role', async () => {
  await using account = await openAccountWithRole('DiskRole');
  assert.deepEqual(getRole(account).access(callOf(account, { RoleName: 'DiskRole' })), [
    { action: 'ram:GetRole', resource: `acs:ram::${account.accountId}:role/diskrole` },
  ]);
});
