import assert from 'node:assert/strict';
import { test } from 'node:test';

import { getAccessKeyLastUsed } from '../../../../src/services/ram/actions/GetAccessKeyLastUsed.ts';
import { AccessKeyUses } from '../../../../src/ram/access-key-uses.ts';
import { silentLogger } from '../../../../src/base/log.ts';
import { act, makeAccessKey, openAccountWithUsers, refused } from '../support.ts';

test('the last use is told, and nothing while there was none', async () => {
  await using account = await openAccountWithUsers('alice');
  const UserAccessKeyId = await makeAccessKey(account, 'alice');
  const get = () => act(account, getAccessKeyLastUsed(account), { UserName: 'alice', UserAccessKeyId });
  assert.deepEqual(await get(), { AccessKeyLastUsed: { LastUsedDate: '' } });
  const uses = new AccessKeyUses({ ...account, log: silentLogger });
  uses.note(UserAccessKeyId);
  await uses.settled();
  assert.deepEqual(await get(), { AccessKeyLastUsed: { LastUsedDate: '2026-11-23T12:00:00Z' } });
  const other = act(account, getAccessKeyLastUsed(account), { UserAccessKeyId });
  await assert.rejects(other, refused('EntityNotExist.User.AccessKey', 404));
});
