import assert from 'node:assert/strict';
import { test } from 'node:test';

import { updateAccessKey } from '../../../../src/services/ram/actions/UpdateAccessKey.ts';
import { listAccessKeys } from '../../../../src/services/ram/actions/ListAccessKeys.ts';
import { StoredCredentials } from '../../../../src/ram/credentials.ts';
import { act, makeAccessKey, openAccountWithUsers, refused } from '../support.ts';

test('an AccessKey is switched off and on', async () => {
  await using account = await openAccountWithUsers('alice');
  const UserAccessKeyId = await makeAccessKey(account, 'alice');
  const set = (Status: string) =>
    act(account, updateAccessKey(account), { UserName: 'alice', UserAccessKeyId, Status });
  const credentials = new StoredCredentials(account.database.read, account.sealer);
  await set('Inactive');
  assert.equal((await credentials.find(UserAccessKeyId))?.active, false);
  const { AccessKeys } = await act(account, listAccessKeys(account), { UserName: 'alice' });
  assert.equal(AccessKeys?.AccessKey[0]?.Status, 'Inactive');
  await set('Active');
  assert.equal((await credentials.find(UserAccessKeyId))?.active, true);
  await assert.rejects(set('active'), refused('InvalidParameter.Status.Format', 400));
});

test('the AccessKeys of others are not there', async () => {
  await using account = await openAccountWithUsers('alice', 'bob');
  const UserAccessKeyId = await makeAccessKey(account, 'alice');
  const code = refused('EntityNotExist.User.AccessKey', 404);
  const set = (input: object) =>
    act(account, updateAccessKey(account), { UserAccessKeyId, Status: 'Inactive', ...input });
  await assert.rejects(set({ UserName: 'bob' }), code);
  await assert.rejects(set({}), code);
  await assert.rejects(set({ UserName: 'alice', UserAccessKeyId: account.accessKeyId }), code);
});
