import assert from 'node:assert/strict';
import { test } from 'node:test';

import { clearAccountAlias } from '../../../../src/services/ram/actions/ClearAccountAlias.ts';
import { getAccountAlias } from '../../../../src/services/ram/actions/GetAccountAlias.ts';
import { setAccountAlias } from '../../../../src/services/ram/actions/SetAccountAlias.ts';
import { createAccount } from '../../../../src/ram/accounts.ts';
import { act, openTestAccount } from '../support.ts';

test('a cleared alias is free for others', async () => {
  await using account = await openTestAccount();
  const other = await createAccount(account, { regionId: 'cn-hangzhou' });
  await act(account, setAccountAlias(account), { AccountAlias: 'mine' });
  assert.deepEqual(await act(account, clearAccountAlias(account), {}), {});
  assert.deepEqual(await act(account, clearAccountAlias(account), {}), {});
  assert.deepEqual(await act(account, getAccountAlias(account), {}), { AccountAlias: '' });
  await act(account, setAccountAlias(account), { AccountAlias: 'mine' }, other.accountId);
});
