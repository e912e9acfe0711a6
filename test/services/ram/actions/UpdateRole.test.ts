import assert from 'node:assert/strict';
import { test } from 'node:test';

import { evaluateServiceRole } from '../../../../src/ram/roles.ts';
import { getRole } from '../../../../src/services/ram/actions/GetRole.ts';
import { updateRole } from '../../../../src/services/ram/actions/UpdateRole.ts';
import { DISK_ROLE_TRUST, act, openAccountWithRole, refused } from '../support.ts';

test('only what is given changes', async () => {
  await using account = await openAccountWithRole();
  account.clock.ms += 60_000;
  const { Role } = await act(account, updateRole(account), { RoleName: 'diskrole', NewDescription: 'new' });
  assert.equal(Role?.Description, 'new');
  assert.equal(Role?.AssumeRolePolicyDocument, DISK_ROLE_TRUST);
  assert.equal(Role?.UpdateDate, '2026-11-23T12:01:00Z');
  assert.equal(Role?.CreateDate, '2026-11-23T12:00:00Z');
  await act(account, updateRole(account), { RoleName: 'DiskRole', NewDescription: '', NewMaxSessionDuration: 7200 });
  const after = await act(account, getRole(account), { RoleName: 'DiskRole' });
  assert.equal(after.Role?.Description, '');
  assert.equal(after.Role?.MaxSessionDuration, 7200);
});

test('a new trust policy counts at the next use of the role', async () => {
  await using account = await openAccountWithRole();
  const { accountId } = account;
  const ask = () =>
    evaluateServiceRole(account.database.read, {
      accountId,
      roleName: 'DiskRole',
      service: 'ecs.aliyuncs.com',
      accesses: [],
    });
  assert.equal(await ask(), 'allowed');
  const NewAssumeRolePolicyDocument = DISK_ROLE_TRUST.replace('ecs.', 'rds.');
  await act(account, updateRole(account), { RoleName: 'DiskRole', NewAssumeRolePolicyDocument });
  assert.equal(await ask(), 'not-trusted');
});

test('a refused update changes nothing', async () => {
  await using account = await openAccountWithRole();
  const input = { RoleName: 'DiskRole', NewDescription: 'new' };
  const bad: readonly [object, string, number][] = [
    [{ NewAssumeRolePolicyDocument: '{}' }, 'MalformedPolicyDocument', 400],
    [{ NewAssumeRolePolicyDocument: ' '.repeat(6145) }, 'InvalidParameter.NewAssumeRolePolicyDocument.Length', 400],
    [{ NewDescription: 'x'.repeat(1025) }, 'InvalidParameter.NewDescription.Length', 400],
    [{ NewMaxSessionDuration: 1 }, 'InvalidParameter.NewMaxSessionDuration.Range', 400],
    [{ RoleName: 'Other' }, 'EntityNotExist.Role', 404],
  ];
  for (const [changes, code, status] of bad) {
    await assert.rejects(act(account, updateRole(account), { ...input, ...changes }), refused(code, status));
  }
  const { Role } = await act(account, getRole(account), { RoleName: 'DiskRole' });
  assert.equal(Role?.Description, '');
});
