import assert from 'node:assert/strict';
import { test } from 'node:test';

import { updateUser } from '../../../../src/services/ram/actions/UpdateUser.ts';
import { addUserToGroup } from '../../../../src/services/ram/actions/AddUserToGroup.ts';
import { createLoginProfile } from '../../../../src/services/ram/actions/CreateLoginProfile.ts';
import { getLoginProfile } from '../../../../src/services/ram/actions/GetLoginProfile.ts';
import { getUser } from '../../../../src/services/ram/actions/GetUser.ts';
import { listAccessKeys } from '../../../../src/services/ram/actions/ListAccessKeys.ts';
import { listGroupsForUser } from '../../../../src/services/ram/actions/ListGroupsForUser.ts';
import { StoredCredentials } from '../../../../src/ram/credentials.ts';
import {
  act,
  callOf,
  attachToUser,
  decryptAccess,
  makeAccessKey,
  makeGroup,
  makePolicy,
  mayUser,
  openAccountWithUsers,
  refused,
} from '../support.ts';

test('what is given is changed, what is not is kept, and an empty text clears', async () => {
  await using account = await openAccountWithUsers('alice');
  await act(account, updateUser(account), {
    UserName: 'alice',
    NewDisplayName: 'A',
    NewEmail: 'a@b.c',
    NewComments: 'x',
  });
  account.clock.ms += 1000;
  const { User } = await act(account, updateUser(account), { UserName: 'ALICE', NewComments: '' });
  assert.deepEqual([User?.DisplayName, User?.Email, User?.Comments], ['A', 'a@b.c', '']);
  assert.equal(User?.UpdateDate, '2026-11-23T12:00:01Z');
});

test("another name takes everything that is the user's along", async () => {
  await using account = await openAccountWithUsers('alice');
  const accessKeyId = await makeAccessKey(account, 'alice');
  await makePolicy(account, 'decrypt');
  await attachToUser(account, 'Custom', 'decrypt', 'alice');
  await makeGroup(account, 'devs');
  await act(account, addUserToGroup(account), { UserName: 'alice', GroupName: 'devs' });
  await act(account, createLoginProfile(account), { UserName: 'alice', Password: 'correct horse' });
  const before = await act(account, getUser(account), { UserName: 'alice' });
  const { User } = await act(account, updateUser(account), { UserName: 'alice', NewUserName: 'Bob' });
  assert.equal(User?.UserId, before.User?.UserId);
  const credential = await new StoredCredentials(account.database.read, account.sealer).find(accessKeyId);
  assert.equal(credential?.caller.arn, `acs:ram::${account.accountId}:user/Bob`);
  const keys = await act(account, listAccessKeys(account), { UserName: 'bob' });
  assert.equal(keys.AccessKeys?.AccessKey.length, 1);
  assert.equal(await mayUser(account, 'Bob', decryptAccess(account)), true);
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), false);
  const { Groups } = await act(account, listGroupsForUser(account), { UserName: 'bob' });
  assert.deepEqual(
    Groups?.Group.map((group) => group.GroupName),
    ['devs'],
  );
  const { LoginProfile } = await act(account, getLoginProfile(account), { UserName: 'bob' });
  assert.equal(LoginProfile?.UserName, 'Bob');
  await assert.rejects(act(account, getUser(account), { UserName: 'alice' }), refused('EntityNotExist.User', 404));
});

test('a name may change its case, and may not become that of another user', async () => {
  await using account = await openAccountWithUsers('alice', 'bob');
  const accessKeyId = await makeAccessKey(account, 'alice');
  await act(account, updateUser(account), { UserName: 'alice', NewUserName: 'Alice' });
  const credential = await new StoredCredentials(account.database.read, account.sealer).find(accessKeyId);
  assert.equal(credential?.caller.arn, `acs:ram::${account.accountId}:user/Alice`);
  const rename = (NewUserName: string) => act(account, updateUser(account), { UserName: 'alice', NewUserName });
  await assert.rejects(rename('BOB'), refused('EntityAlreadyExists.User', 409));
  await assert.rejects(rename('a b'), refused('InvalidParameter.NewUserName.InvalidChars', 400));
  const absent = { UserName: 'carol', NewComments: 'c' };
  await assert.rejects(act(account, updateUser(account), absent), refused('EntityNotExist.User', 404));
  const long = { UserName: 'alice', NewComments: 'x'.repeat(129) };
  await assert.rejects(act(account, updateUser(account), long), refused('InvalidParameter.NewComments.Length', 400));
});

test('it asks for the right on both names', async () => {
  await using account = await openAccountWithUsers();
  const names = async (input: { UserName: string; NewUserName?: string }) =>
    (await updateUser(account).access(callOf(account, input))).map(({ resource }) => resource);
  const arn = (name: string) => `acs:ram::${account.accountId}:user/${name}`;
  assert.deepEqual(await names({ UserName: 'a', NewUserName: 'b' }), [arn('a'), arn('b')]);
  assert.deepEqual(await names({ UserName: 'a' }), [arn('a')]);
});
