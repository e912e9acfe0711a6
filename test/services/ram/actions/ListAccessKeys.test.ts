import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listAccessKeys } from '../../../../src/services/ram/actions/ListAccessKeys.ts';
import { act, byUser, makeAccessKey, openAccountWithUsers, refused } from '../support.ts';

test('the AccessKeys of a user, or of the caller, are listed oldest first without secrets', async () => {
  await using account = await openAccountWithUsers('alice', 'bob');
  const first = await makeAccessKey(account, 'alice');
  account.clock.ms += 1000;
  const second = await makeAccessKey(account, 'alice');
  const { AccessKeys } = await act(account, listAccessKeys(account), { UserName: 'alice' });
  assert.deepEqual(AccessKeys?.AccessKey, [
    { AccessKeyId: first, Status: 'Active', CreateDate: '2026-11-23T12:00:00Z' },
    { AccessKeyId: second, Status: 'Active', CreateDate: '2026-11-23T12:00:01Z' },
  ]);
  assert.deepEqual(await listAccessKeys(account).run(byUser(account, 'alice', {})), { AccessKeys });
  const own = await act(account, listAccessKeys(account), {});
  assert.deepEqual(
    own.AccessKeys?.AccessKey.map((key) => key.AccessKeyId),
    [account.accessKeyId],
  );
  const none = await act(account, listAccessKeys(account), { UserName: 'bob' });
  assert.deepEqual(none.AccessKeys?.AccessKey, []);
  const unknown = act(account, listAccessKeys(account), { UserName: 'carol' });
  await assert.rejects(unknown, refused('EntityNotExist.User', 404));
});
