import assert from 'node:assert/strict';
import { test } from 'node:test';

import { getUser } from '../../../../src/services/ram/actions/GetUser.ts';
import { act, callOf, openAccountWithUsers, refused } from '../support.ts';

test('a user is found in any case and shown as it was named', async () => {
  await using account = await openAccountWithUsers('Alice');
  const { User } = await act(account, getUser(account), { UserName: 'ALICE' });
  assert.deepEqual(User, {
    UserId: User?.UserId,
    UserName: 'Alice',
    DisplayName: '',
    MobilePhone: '',
    Email: '',
    Comments: '',
    CreateDate: '2026-11-23T12:00:00Z',
    UpdateDate: '2026-11-23T12:00:00Z',
    LastLoginDate: '',
  });
  await assert.rejects(act(account, getUser(account), { UserName: 'bob' }), refused('EntityNotExist.User', 404));
});

test('it asks for the right on that user alone', async () => {
  await using account = await openAccountWithUsers('alice');
  assert.deepEqual(await getUser(account).access(callOf(account, { UserName: 'alice' })), [
    { action: 'ram:GetUser', resource: `acs:ram::${account.accountId}:user/alice` },
  ]);
});
