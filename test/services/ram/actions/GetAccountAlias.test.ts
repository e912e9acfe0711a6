import assert from 'node:assert/strict';
import { test } from 'node:test';

import { getAccountAlias } from '../../../../src/services/ram/actions/GetAccountAlias.ts';
import { setAccountAlias } from '../../../../src/services/ram/actions/SetAccountAlias.ts';
import { act, openTestAccount } from '../support.ts';

test('the alias is shown, and an empty one while there is none', async () => {
  await using account = await openTestAccount();
  assert.deepEqual(await act(account, getAccountAlias(account), {}), { AccountAlias: '' });
  await act(account, setAccountAlias(account), { AccountAlias: 'my-company' });
  assert.deepEqual(await act(account, getAccountAlias(account), {}), { AccountAlias: 'my-company' });
});
