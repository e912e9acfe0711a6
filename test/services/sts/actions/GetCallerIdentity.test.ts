import assert from 'node:assert/strict';
import { test } from 'node:test';

import { getCallerIdentity } from '../../../../src/services/sts/actions/GetCallerIdentity.ts';
import { act, callOf, openTestAccount } from '../../ram/support.ts';

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
