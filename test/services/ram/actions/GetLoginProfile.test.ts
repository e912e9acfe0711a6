import assert from 'node:assert/strict';
import { test } from 'node:test';

import { getLoginProfile } from '../../../../src/services/ram/actions/GetLoginProfile.ts';
import { createLoginProfile } from '../../../../src/services/ram/actions/CreateLoginProfile.ts';
import { act, openAccountWithUsers, refused } from '../support.ts';

test('a login profile is shown without its password', async () => {
  await using account = await openAccountWithUsers('alice');
  const get = (UserName: string) => act(account, getLoginProfile(account), { UserName });
  await assert.rejects(get('alice'), refused('EntityNotExist.User.LoginProfile', 404));
  const asked = { UserName: 'alice', MFABindRequired: true };
  await act(account, createLoginProfile(account), { ...asked, Password: 'correct horse' });
  assert.deepEqual((await get('ALICE')).LoginProfile, {
    ...asked,
    PasswordResetRequired: false,
    CreateDate: '2026-11-23T12:00:00Z',
  });
  await assert.rejects(get('bob'), refused('EntityNotExist.User', 404));
});
