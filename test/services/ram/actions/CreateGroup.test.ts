import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createGroup } from '../../../../src/services/ram/actions/CreateGroup.ts';
import { getGroup } from '../../../../src/services/ram/actions/GetGroup.ts';
import { OTHER_ACCOUNT, act, makeGroup, openTestAccount, refused } from '../support.ts';

test('a group is made as asked, once', async () => {
  await using account = await openTestAccount();
  const { Group } = await act(account, createGroup(account), { GroupName: 'Devs', Comments: 'c' });
  assert.match(Group?.GroupId ?? '', /^4\d{17}$/);
  assert.deepEqual(Group, {
    GroupId: Group?.GroupId,
    GroupName: 'Devs',
    Comments: 'c',
    CreateDate: '2026-11-23T12:00:00Z',
  });
  await assert.rejects(makeGroup(account, 'DEVS'), refused('EntityAlreadyExists.Group', 409));
  const foreign = act(account, getGroup(account), { GroupName: 'devs' }, OTHER_ACCOUNT);
  await assert.rejects(foreign, refused('EntityNotExist.Group', 404));
});

test('names, comments and the number of groups are held to their rules', async () => {
  await using account = await openTestAccount();
  const make = (GroupName: string, Comments = '') => act(account, createGroup(account), { GroupName, Comments });
  await assert.rejects(make('x'.repeat(65)), refused('InvalidParameter.GroupName.Length', 400));
  await assert.rejects(make('a b'), refused('InvalidParameter.GroupName.InvalidChars', 400));
  await assert.rejects(make('a', 'x'.repeat(129)), refused('InvalidParameter.Comments.Length', 400));
  for (let index = 0; index < 50; index++) await make(`group-${index}`);
  await assert.rejects(make('a'), refused('LimitExceeded.Group', 409, /50/));
});
