import assert from 'node:assert/strict';
import { test } from 'node:test';

import { updateGroup } from '../../../../src/services/ram/actions/UpdateGroup.ts';
import { addUserToGroup } from '../../../../src/services/ram/actions/AddUserToGroup.ts';
import { attachPolicyToGroup } from '../../../../src/services/ram/actions/AttachPolicyToGroup.ts';
import { getGroup } from '../../../../src/services/ram/actions/GetGroup.ts';
import { listUsersForGroup } from '../../../../src/services/ram/actions/ListUsersForGroup.ts';
import {
  act,
  callOf,
  decryptAccess,
  makeGroup,
  makePolicy,
  mayUser,
  openAccountWithUsers,
  refused,
} from '../support.ts';

test('another name takes users and policies along, so that rights stay as they were', async () => {
  await using account = await openAccountWithUsers('alice');
  await makeGroup(account, 'devs');
  await makePolicy(account, 'decrypt');
  await act(account, addUserToGroup(account), { UserName: 'alice', GroupName: 'devs' });
  const policy = { PolicyType: 'Custom', PolicyName: 'decrypt' };
  await act(account, attachPolicyToGroup(account), { GroupName: 'devs', ...policy });
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), true);
  const { Group } = await act(account, updateGroup(account), {
    GroupName: 'devs',
    NewGroupName: 'Makers',
    NewComments: 'c',
  });
  assert.deepEqual([Group?.GroupName, Group?.Comments], ['Makers', 'c']);
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), true);
  const { Users } = await act(account, listUsersForGroup(account), { GroupName: 'makers' });
  assert.deepEqual(
    Users?.User.map((user) => user.UserName),
    ['alice'],
  );
  await assert.rejects(act(account, getGroup(account), { GroupName: 'devs' }), refused('EntityNotExist.Group', 404));
});

test('a name may change its case, and may not become that of another group', async () => {
  await using account = await openAccountWithUsers();
  await makeGroup(account, 'devs');
  await makeGroup(account, 'ops');
  const rename = (NewGroupName: string) => act(account, updateGroup(account), { GroupName: 'devs', NewGroupName });
  await rename('Devs');
  await assert.rejects(rename('OPS'), refused('EntityAlreadyExists.Group', 409));
  await assert.rejects(rename('a b'), refused('InvalidParameter.NewGroupName.InvalidChars', 400));
  const long = act(account, updateGroup(account), { GroupName: 'devs', NewComments: 'x'.repeat(129) });
  await assert.rejects(long, refused('InvalidParameter.NewComments.Length', 400));
  const absent = act(account, updateGroup(account), { GroupName: 'none' });
  await assert.rejects(absent, refused('EntityNotExist.Group', 404));
});

test('it asks for the right on both names', async () => {
  await using account = await openAccountWithUsers();
  const names = async (input: { GroupName: string; NewGroupName?: string }) =>
    (await updateGroup(account).access(callOf(account, input))).map(({ resource }) => resource);
  const arn = (name: string) => `acs:ram::${account.accountId}:group/${name}`;
  assert.deepEqual(await names({ GroupName: 'a', NewGroupName: 'b' }), [arn('a'), arn('b')]);
  assert.deepEqual(await names({ GroupName: 'a' }), [arn('a')]);
});
