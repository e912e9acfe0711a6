import assert from 'node:assert/strict';
import { test } from 'node:test';

import { deleteLoginProfile } from '../../../../src/services/ram/actions/DeleteLoginProfile.ts';
import { createLoginProfile } from '../../../../src/services/ram/actions/CreateLoginProfile.ts';
import { getLoginProfile } from '../../../../src/services/ram/actions/GetLoginProfile.ts';
import { act, openAccountWithUsers, refused } from '../support.ts';

test('a login profile goes and can be made anew', async () => {
  await using account = await openAccountWithUsers('alice');
  const UserName = 'alice';
  const make = () => act(account, createLoginProfile(account), { UserName, Password: 'correct horse' });
  const remove = () => act(account, deleteLoginProfile(account), { UserName });
  await assert.rejects(remove(), refused('EntityNotExist.User.LoginProfile', 404));
  await make();
  assert.deepEqual(await remove(), {});
  const gone = act(account, getLoginProfile(account), { UserName });
  await assert.rejects(gone, refused('EntityNotExist.User.LoginProfile', 404));
  await make();
});
