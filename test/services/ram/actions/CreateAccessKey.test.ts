import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createAccessKey } from '../../../../src/services/ram/actions/CreateAccessKey.ts';
import { findAccessKey } from '../../../../src/metadata/access-keys.ts';
import { StoredCredentials } from '../../../../src/ram/credentials.ts';
import { act, byUser, callOf, makeAccessKey, openAccountWithUsers, refused } from '../support.ts';

test('an AccessKey is shown once with its secret, signs for its user, and is kept sealed', async () => {
  await using account = await openAccountWithUsers('Alice');
  const { AccessKey } = await act(account, createAccessKey(account), { UserName: 'alice' });
  assert.match(AccessKey?.AccessKeyId ?? '', /^LTAI[A-Za-z0-9]{20}$/);
  assert.match(AccessKey?.AccessKeySecret ?? '', /^[A-Za-z0-9]{30}$/);
  assert.deepEqual([AccessKey?.Status, AccessKey?.CreateDate], ['Active', '2026-11-23T12:00:00Z']);
  const credential = await new StoredCredentials(account.database.read, account.sealer).find(
    AccessKey?.AccessKeyId ?? '',
  );
  assert.equal(Buffer.from(credential?.secret ?? []).toString(), AccessKey?.AccessKeySecret);
  assert.equal(credential?.caller.arn, `acs:ram::${account.accountId}:user/Alice`);
  assert.equal(credential?.caller.principalType, 'RAMUser');
  const row = await findAccessKey(account.database.read, AccessKey?.AccessKeyId ?? '');
  assert.ok(!Buffer.from(row?.secretSealed ?? []).includes(AccessKey?.AccessKeySecret ?? ''));
});

test('without a name it is for whoever calls', async () => {
  await using account = await openAccountWithUsers('alice');
  const own = await act(account, createAccessKey(account), {});
  assert.equal((await findAccessKey(account.database.read, own.AccessKey?.AccessKeyId ?? ''))?.userName, null);
  const call = byUser(account, 'alice', {});
  assert.deepEqual(await createAccessKey(account).access(call), [
    { action: 'ram:CreateAccessKey', resource: `acs:ram::${account.accountId}:user/alice` },
  ]);
  const { AccessKey } = await createAccessKey(account).run(call);
  assert.equal((await findAccessKey(account.database.read, AccessKey?.AccessKeyId ?? ''))?.userName, 'alice');
  const base = callOf(account, {});
  const arn = `acs:ram::${account.accountId}:role/ops/session`;
  const session = { ...base, caller: { ...base.caller, arn, principalType: 'AssumedRoleUser' as const } };
  await assert.rejects(async () => createAccessKey(account).access(session), refused('MissingParameter', 400));
});

test('a user has at most 2 AccessKeys, the account itself 5', async () => {
  await using account = await openAccountWithUsers('alice');
  for (let count = 0; count < 2; count++) await makeAccessKey(account, 'alice');
  const more = act(account, createAccessKey(account), { UserName: 'alice' });
  await assert.rejects(more, refused('LimitExceeded.User.AccessKey', 409, /2 AccessKeys/));
  for (let count = 1; count < 5; count++) await act(account, createAccessKey(account), {});
  await assert.rejects(act(account, createAccessKey(account), {}), refused('LimitExceeded.User.AccessKey', 409, /5/));
  await assert.rejects(makeAccessKey(account, 'bob'), refused('EntityNotExist.User', 404));
});
