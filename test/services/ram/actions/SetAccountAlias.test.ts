import assert from 'node:assert/strict';
import { test } from 'node:test';

import { setAccountAlias } from '../../../../src/services/ram/actions/SetAccountAlias.ts';
import { getAccountAlias } from '../../../../src/services/ram/actions/GetAccountAlias.ts';
import { createAccount } from '../../../../src/ram/accounts.ts';
import { act, openTestAccount, refused } from '../support.ts';

test('an alias belongs to one account', async () => {
  await using account = await openTestAccount();
  const other = await createAccount(account, { regionId: 'cn-hangzhou' });
  const set = (AccountAlias: string, accountId = account.accountId) =>
    act(account, setAccountAlias(account), { AccountAlias }, accountId);
  await set('first');
  await set('second');
  await set('second');
  await assert.rejects(set('second', other.accountId), refused('EntityAlreadyExists.AccountAlias', 409));
  await set('first', other.accountId);
  assert.deepEqual(await act(account, getAccountAlias(account), {}), { AccountAlias: 'second' });
});

test('aliases are held to their form', async () => {
  await using account = await openTestAccount();
  for (const bad of ['ab', 'x'.repeat(33), 'Upper', '-ab', 'ab-', 'a--b', 'a.b']) {
    const set = act(account, setAccountAlias(account), { AccountAlias: bad });
    await assert.rejects(set, refused('InvalidParameter.AccountAlias.Format', 400));
  }
});
