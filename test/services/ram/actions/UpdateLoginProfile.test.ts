import assert from 'node:assert/strict';
import { test } from 'node:test';

import { updateLoginProfile } from '../../../../src/services/ram/actions/UpdateLoginProfile.ts';
import { createLoginProfile } from '../../../../src/services/ram/actions/CreateLoginProfile.ts';
import { getLoginProfile } from '../../../../src/services/ram/actions/GetLoginProfile.ts';
import { findLoginProfile } from '../../../../src/metadata/login-profiles.ts';
import { findUser } from '../../../../src/metadata/users.ts';
import { passwordMatches } from '../../../../src/ram/passwords.ts';
import { act, openAccountWithUsers, refused } from '../support.ts';

test('what is given is changed and the rest is kept', async () => {
  await using account = await openAccountWithUsers('alice');
  const UserName = 'alice';
  const update = (input: object) => act(account, updateLoginProfile(account), { UserName, ...input });
  await assert.rejects(update({ MFABindRequired: true }), refused('EntityNotExist.User.LoginProfile', 404));
  await act(account, createLoginProfile(account), { UserName, Password: 'correct horse', PasswordResetRequired: true });
  await update({ MFABindRequired: true });
  const matches = async (password: string): Promise<boolean> => {
    const user = await findUser(account.database.read, account.accountId, UserName);
    const profile = await findLoginProfile(account.database.read, user?.userId ?? '');
    return (
      user !== undefined && profile !== undefined && passwordMatches(account, user, profile.passwordSealed, password)
    );
  };
  assert.equal(await matches('correct horse'), true);
  await update({ Password: 'battery staple', PasswordResetRequired: false });
  assert.deepEqual([await matches('correct horse'), await matches('battery staple')], [false, true]);
  const { LoginProfile } = await act(account, getLoginProfile(account), { UserName });
  assert.deepEqual([LoginProfile?.MFABindRequired, LoginProfile?.PasswordResetRequired], [true, false]);
  await assert.rejects(update({ Password: 'short' }), refused('InvalidParameter.Password.TooWeak', 400));
});
