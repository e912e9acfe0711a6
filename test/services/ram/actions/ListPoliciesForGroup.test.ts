import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listPoliciesForGroup } from '../../../../src/services/ram/actions/ListPoliciesForGroup.ts';
import { attachPolicyToGroup } from '../../../../src/services/ram/actions/AttachPolicyToGroup.ts';
import { act, makeGroup, makePolicy, openAccountWithUsers, refused } from '../support.ts';

test('what is attached to a group is listed in order of attachment', async () => {
  await using account = await openAccountWithUsers('alice');
  await makeGroup(account, 'devs');
  await makePolicy(account, 'a');
  const list = (GroupName: string) => act(account, listPoliciesForGroup(account), { GroupName });
  assert.deepEqual(await list('devs'), { Policies: { Policy: [] } });
  for (const [PolicyType, PolicyName] of [
    ['System', 'ReadOnlyAccess'],
    ['Custom', 'a'],
  ] as const) {
    account.clock.ms += 1000;
    await act(account, attachPolicyToGroup(account), { GroupName: 'devs', PolicyType, PolicyName });
  }
  const { Policies } = await list('DEVS');
  assert.deepEqual(
    Policies?.Policy.map(({ PolicyType, PolicyName, DefaultVersion, AttachDate }) => [
      PolicyType,
      PolicyName,
      DefaultVersion,
      AttachDate,
    ]),
    [
      ['System', 'ReadOnlyAccess', 'v1', '2026-11-23T12:00:01Z'],
      ['Custom', 'a', 'v1', '2026-11-23T12:00:02Z'],
    ],
  );
  await assert.rejects(list('none'), refused('EntityNotExist.Group', 404));
});
