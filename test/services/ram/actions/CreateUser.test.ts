import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createUser } from '../../../../src/services/ram/actions/CreateUser.ts';
import { getUser } from '../../../../src/services/ram/actions/GetUser.ts';
import { OTHER_ACCOUNT, act, decryptAccess, mayUser, openTestAccount, refused } from '../support.ts';
import { insertUser } from '../../../../src/metadata/users.ts';

const FULL = {
  UserName: 'Alice.B_c-1',
  DisplayName: '爱丽丝 A.',
  MobilePhone: '86-18688880000',
  Email: 'alice@example.com',
  Comments: 'c',
};

test('a user is made as asked, and may do nothing yet', async () => {
  await using account = await openTestAccount();
  const { User } = await act(account, createUser(account), FULL);
  assert.match(User?.UserId ?? '', /^2\d{17}$/);
  assert.deepEqual(User, { ...FULL, UserId: User?.UserId, CreateDate: '2026-11-23T12:00:00Z' });
  assert.equal(await mayUser(account, FULL.UserName, decryptAccess(account)), false);
});

test('a user with the same name in any case is refused; another account may have one', async () => {
  await using account = await openTestAccount();
  await act(account, createUser(account), { UserName: 'alice' });
  await assert.rejects(
    act(account, createUser(account), { UserName: 'ALICE' }),
    refused('EntityAlreadyExists.User', 409),
  );
  const get = (accountId: string) => act(account, getUser(account), { UserName: 'alice' }, accountId);
  await assert.rejects(get(OTHER_ACCOUNT), refused('EntityNotExist.User', 404));
  assert.equal((await get(account.accountId)).User?.DisplayName, '');
});

test('each parameter is held to its rule, and what is refused makes nothing', async () => {
  await using account = await openTestAccount();
  const bad: readonly [object, string][] = [
    [{ UserName: 'x'.repeat(65) }, 'UserName.Length'],
    [{ UserName: 'a@b' }, 'UserName.InvalidChars'],
    [{ UserName: 'a/b' }, 'UserName.InvalidChars'],
    [{ DisplayName: 'x'.repeat(129) }, 'DisplayName.Length'],
    [{ DisplayName: 'a\nb' }, 'DisplayName.InvalidChars'],
    [{ Comments: 'x'.repeat(129) }, 'Comments.Length'],
    [{ Email: 'alice' }, 'Email.Format'],
    [{ MobilePhone: '18688880000' }, 'MobilePhone.Format'],
  ];
  for (const [changes, code] of bad) {
    const input = { ...FULL, ...changes };
    await assert.rejects(act(account, createUser(account), input), refused(`InvalidParameter.${code}`, 400));
    await assert.rejects(
      act(account, getUser(account), { UserName: FULL.UserName }),
      refused('EntityNotExist.User', 404),
    );
  }
});

test('an account has at most 1,000 users', async () => {
  await using account = await openTestAccount();
  await account.database.transact(async (transaction) => {
    for (let index = 0; index < 1000; index++) {
      const name = `user-${index}`;
      await insertUser(transaction, {
        accountId: account.accountId,
        userName: name,
        userNameLower: name,
        userId: name,
        displayName: '',
        mobilePhone: '',
        email: '',
        comments: '',
        createdMs: 1,
        updatedMs: 1,
      });
    }
  });
  await assert.rejects(act(account, createUser(account), FULL), refused('LimitExceeded.User', 409, /1000/));
});
