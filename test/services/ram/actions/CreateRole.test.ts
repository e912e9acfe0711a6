import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listRoles } from '../../../../src/metadata/roles.ts';
import { insertRole } from '../../../../src/metadata/roles.ts';
import { createRole } from '../../../../src/services/ram/actions/CreateRole.ts';
import { DISK_ROLE_TRUST, act, openTestAccount, refused } from '../support.ts';

const NAME = 'AliyunECSDiskEncryptDefaultRole';
const INPUT = { RoleName: NAME, AssumeRolePolicyDocument: DISK_ROLE_TRUST };

test('a role is made with its ARN in lower case and the documented defaults', async () => {
  await using account = await openTestAccount();
  const { Role } = await act(account, createRole(account), { ...INPUT, Description: 'ECS默认使用此角色访问KMS' });
  assert.match(Role?.RoleId ?? '', /^3[0-9]{17}$/);
  assert.deepEqual(
    { ...Role, RoleId: '' },
    {
      RoleId: '',
      RoleName: NAME,
      Arn: `acs:ram::${account.accountId}:role/aliyunecsdiskencryptdefaultrole`,
      Description: 'ECS默认使用此角色访问KMS',
      MaxSessionDuration: 3600,
      CreateDate: '2026-11-23T12:00:00Z',
      AssumeRolePolicyDocument: DISK_ROLE_TRUST,
    },
  );
});

test('a name that differs in case only exists already', async () => {
  await using account = await openTestAccount();
  await act(account, createRole(account), INPUT);
  const again = act(account, createRole(account), { ...INPUT, RoleName: NAME.toUpperCase() });
  await assert.rejects(again, refused('EntityAlreadyExists.Role', 409));
});

test('two calls at once make one role', async () => {
  await using account = await openTestAccount();
  const results = await Promise.allSettled([1, 2, 3].map(() => act(account, createRole(account), INPUT)));
  assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected', 'rejected']);
});

test('each parameter is held to its rule, and nothing is made when it breaks one', async () => {
  await using account = await openTestAccount();
  const bad: readonly [object, string, RegExp?][] = [
    [{ RoleName: 'x'.repeat(65) }, 'InvalidParameter.RoleName.Length'],
    [{ RoleName: '' }, 'InvalidParameter.RoleName.Length'],
    [{ RoleName: 'with_underscore' }, 'InvalidParameter.RoleName.InvalidChars'],
    [{ RoleName: '角色' }, 'InvalidParameter.RoleName.InvalidChars'],
    [{ Description: 'x'.repeat(1025) }, 'InvalidParameter.Description.Length'],
    [
      { AssumeRolePolicyDocument: `${DISK_ROLE_TRUST}${' '.repeat(6144)}` },
      'InvalidParameter.AssumeRolePolicyDocument.Length',
    ],
    [{ AssumeRolePolicyDocument: '{"Version":"1",\n"Statement" []}' }, 'MalformedPolicyDocument', /line 2, column 13/],
    [{ AssumeRolePolicyDocument: DISK_ROLE_TRUST.replace('Principal', 'Resource') }, 'MalformedPolicyDocument'],
    [{ MaxSessionDuration: 3599 }, 'InvalidParameter.MaxSessionDuration.Range'],
    [{ MaxSessionDuration: 43_201 }, 'InvalidParameter.MaxSessionDuration.Range'],
    [{ MaxSessionDuration: 3600.5 }, 'InvalidParameter.MaxSessionDuration.Range'],
    [{ Tag: '{"Key":"k"}' }, 'InvalidParameter.Tag.Format'],
    [{ Tag: '[{"Key":"k","Value":"1"},{"Key":"k","Value":"2"}]' }, 'InvalidParameter.Tag.Format', /twice/],
    [{ Tag: '[{"Key":"acs:k"}]' }, 'InvalidParameter.Tag.Format'],
    [{ Tag: '[null]' }, 'InvalidParameter.Tag.Format'],
    [{ Tag: JSON.stringify(Array.from({ length: 21 }, (_, i) => ({ Key: `k${i}` }))) }, 'InvalidParameter.Tag.Format'],
  ];
  for (const [changes, code, message] of bad) {
    await assert.rejects(act(account, createRole(account), { ...INPUT, ...changes }), refused(code, 400, message));
  }
  assert.deepEqual(await listRoles(account.database.read, account.accountId, { limit: 10 }), []);
});

test('the longest names and documents are accepted', async () => {
  await using account = await openTestAccount();
  const longest = {
    RoleName: 'x'.repeat(64),
    AssumeRolePolicyDocument: DISK_ROLE_TRUST.padEnd(6144),
    Description: 'x'.repeat(1024),
    MaxSessionDuration: 43_200,
  };
  const { Role } = await act(account, createRole(account), longest);
  assert.equal(Role?.MaxSessionDuration, 43_200);
  assert.equal(Role?.AssumeRolePolicyDocument?.length, 6144);
});

test('an account has at most 1000 roles', async () => {
  await using account = await openTestAccount();
  await account.database.transact(async (transaction) => {
    for (let index = 0; index < 1000; index++) {
      await insertRole(transaction, {
        accountId: account.accountId,
        roleName: `r${index}`,
        roleNameLower: `r${index}`,
        roleId: `${index}`,
        description: '',
        trustPolicy: DISK_ROLE_TRUST,
        maxSessionDurationS: 3600,
        tags: [],
        createdMs: 1,
        updatedMs: 1,
      });
    }
  });
  await assert.rejects(act(account, createRole(account), INPUT), refused('LimitExceeded.Role', 409));
});
