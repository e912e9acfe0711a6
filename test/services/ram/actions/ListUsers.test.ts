import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listUsers } from '../../../../src/services/ram/actions/ListUsers.ts';
import { OTHER_ACCOUNT, act, namesOnAllPages, openAccountWithUsers, refused } from '../support.ts';

test('users are listed by name, page by page, each once, and only those of the account', async () => {
  await using account = await openAccountWithUsers('delta', 'Alpha', 'charlie', 'Bravo', 'echo');
  const names = await namesOnAllPages(
    (page) => act(account, listUsers(account), page),
    ({ Users }) => (Users?.User ?? []).map((user) => user.UserName),
  );
  assert.deepEqual(names, ['Alpha', 'Bravo', 'charlie', 'delta', 'echo']);
  const others = await act(account, listUsers(account), {}, OTHER_ACCOUNT);
  assert.deepEqual(others, { Users: { User: [] }, IsTruncated: false });
});

test('MaxItems out of range and a marker that is not of this list are refused', async () => {
  await using account = await openAccountWithUsers('a', 'b');
  for (const MaxItems of [0, 1001, 1.5]) {
    await assert.rejects(act(account, listUsers(account), { MaxItems }), refused('InvalidParameter.MaxItems', 400));
  }
  const { Marker = '' } = await act(account, listUsers(account), { MaxItems: 1 });
  for (const [marker, accountId] of [
    [Marker, OTHER_ACCOUNT],
    ['x', account.accountId],
  ] as const) {
    const foreign = act(account, listUsers(account), { Marker: marker }, accountId);
    await assert.rejects(foreign, refused('InvalidParameter.Marker.Format', 400));
  }
});
