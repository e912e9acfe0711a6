import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Caller } from '../../../../src/api/action.ts';
import { getCallerIdentity } from '../../../../src/services/sts/actions/GetCallerIdentity.ts';
import { act, callOf, openTestAccount } from '../../ram/support.ts';
import { assume, callerOf, everybodyIn, makeRole, openSts, trusting, user } from '../sts-support.ts';
import type { TestSts } from '../sts-support.ts';

const identityOf = (sts: TestSts, caller: Caller) => getCallerIdentity().run({ ...callOf(sts, {}), caller });

test('the account is told who it is, without any permission', async () => {
  await using account = await openTestAccount();
  const { accountId } = account;
  assert.deepEqual(getCallerIdentity().access(callOf(account, {})), []);
  assert.deepEqual(await act(account, getCallerIdentity(), {}), {
    IdentityType: 'Account',
    AccountId: accountId,
    PrincipalId: accountId,
    UserId: accountId,
    Arn: `acs:ram::${accountId}:root`,
  });
});

test('a user is told name and id', async () => {
  await using sts = await openSts();
  assert.deepEqual(await identityOf(sts, { ...user(sts), userId: '2888' }), {
    IdentityType: 'RAMUser',
    AccountId: sts.accountId,
    PrincipalId: '2888',
    UserId: '2888',
    Arn: `acs:ram::${sts.accountId}:user/alice`,
  });
});

test('a session is told its role and its name', async () => {
  await using sts = await openSts();
  const RoleArn = await makeRole(sts, 'Ops', trusting([everybodyIn(sts.accountId)]));
  const answer = await assume(sts, user(sts), { RoleArn, RoleSessionName: 'night.shift' });
  const roleId = answer.AssumedRoleUser?.AssumedRoleId?.split(':')[0];
  assert.deepEqual(await identityOf(sts, await callerOf(sts, answer)), {
    IdentityType: 'AssumedRoleUser',
    AccountId: sts.accountId,
    PrincipalId: `${roleId}:night.shift`,
    RoleId: roleId,
    Arn: `acs:ram::${sts.accountId}:role/ops/night.shift`,
  });
});
