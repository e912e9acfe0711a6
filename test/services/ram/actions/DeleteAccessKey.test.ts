import assert from 'node:assert/strict';
import { test } from 'node:test';

import { deleteAccessKey } from '../../../../src/services/ram/actions/DeleteAccessKey.ts';
import { findAccessKeyUse, putAccessKeyUse } from '../../../../src/metadata/access-key-uses.ts';
import { findAccessKey } from '../../../../src/metadata/access-keys.ts';
import { OTHER_ACCOUNT, act, makeAccessKey, openAccountWithUsers, refused } from '../support.ts';

test('an AccessKey goes for good, with what was noted of its use', async () => {
  await using account = await openAccountWithUsers('alice');
  const UserAccessKeyId = await makeAccessKey(account, 'alice');
  await account.database.transact((transaction) =>
    putAccessKeyUse(transaction, { accessKeyId: UserAccessKeyId, usedMs: 1 }),
  );
  const remove = (accountId = account.accountId) =>
    act(account, deleteAccessKey(account), { UserName: 'alice', UserAccessKeyId }, accountId);
  await assert.rejects(remove(OTHER_ACCOUNT), refused('EntityNotExist.User', 404));
  assert.deepEqual(await remove(), {});
  assert.equal(await findAccessKey(account.database.read, UserAccessKeyId), undefined);
  assert.equal(await findAccessKeyUse(account.database.read, UserAccessKeyId), undefined);
  await assert.rejects(remove(), refused('EntityNotExist.User.AccessKey', 404));
});

test("the account's own AccessKey is not a user's", async () => {
  await using account = await openAccountWithUsers('alice');
  const input = { UserName: 'alice', UserAccessKeyId: account.accessKeyId };
  await assert.rejects(act(account, deleteAccessKey(account), input), refused('EntityNotExist.User.AccessKey', 404));
  await act(account, deleteAccessKey(account), { UserAccessKeyId: account.accessKeyId });
});
