import assert from 'node:assert/strict';
import { test } from 'node:test';

import { getGroup } from '../../../../src/services/ram/actions/GetGroup.ts';
import { act, makeGroup, openTestAccount, refused } from '../support.ts';

test('a group is found in any case and shown as it was named', async () => {
  await using account = await openTestAccount();
  await makeGroup(account, 'Devs');
  const { Group } = await act(account, getGroup(account), { GroupName: 'DEVS' });
  assert.deepEqual(Group, {
    GroupId: Group?.GroupId,
    GroupName: 'Devs',
    Comments: '',
    CreateDate: '2026-11-23T12:00:00Z',
    UpdateDate: '2026-11-23T12:00:00Z',
  });
  await assert.rejects(act(account, getGroup(account), { GroupName: 'ops' }), refused('EntityNotExist.Group', 404));
});
