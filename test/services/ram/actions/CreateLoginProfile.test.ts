import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createLoginProfile } from '../../../../src/services/ram/actions/CreateLoginProfile.ts';
import { findLoginProfile } from '../../../../src/metadata/login-profiles.ts';
import { findUser } from '../../../../src/metadata/users.ts';
import { passwordMatches } from '../../../../src/ram/passwords.ts';
import { act, openAccountWithUsers, refused } from '../support.ts';

test('a password is kept as a slow hash that is sealed for its user', async () => {
  await using account = await openAccountWithUsers('Alice');
  const Password = 'correct horse 电池';
  const { LoginProfile } = await act(account, createLoginProfile(account), {
    UserName: 'alice',
    Password,
    PasswordResetRequired: true,
  });
  assert.deepEqual(LoginProfile, {
    UserName: 'Alice',
    PasswordResetRequired: true,
    MFABindRequired: false,
    CreateDate: '2026-11-23T12:00:00Z',
  });
  const user = await findUser(account.database.read, account.accountId, 'alice');
  const profile = await findLoginProfile(account.database.read, user?.userId ?? '');
  assert.ok(user !== undefined && profile !== undefined);
  assert.equal(await passwordMatches(account, user, profile.passwordSealed, Password), true);
  assert.equal(await passwordMatches(account, user, profile.passwordSealed, 'correct horse'), false);
  const somebodyElse = { ...user, userId: '2' };
  await assert.rejects(passwordMatches(account, somebodyElse, profile.passwordSealed, Password), /do not open/);
});

test('a user has one login profile, and passwords are held to their rule', async () => {
  await using account = await openAccountWithUsers('alice');
  const make = (Password: string, UserName = 'alice') =>
    act(account, createLoginProfile(account), { UserName, Password });
  for (const bad of ['1234567', 'x'.repeat(129)]) {
    await assert.rejects(make(bad), refused('InvalidParameter.Password.TooWeak', 400));
  }
  await assert.rejects(make('12345678', 'bob'), refused('EntityNotExist.User', 404));
  await make('12345678');
  await assert.rejects(make('12345678'), refused('EntityAlreadyExists.User.LoginProfile', 409));
});
