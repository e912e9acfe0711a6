import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listPoliciesForUser } from '../../../../src/services/ram/actions/ListPoliciesForUser.ts';
import { attachPolicyToUser } from '../../../../src/services/ram/actions/AttachPolicyToUser.ts';
import { act, makePolicy, openAccountWithUsers, refused } from '../support.ts';

test('what is attached to a user is listed in order of attachment', async () => {
  await using account = await openAccountWithUsers('alice');
  await makePolicy(account, 'a');
  const list = (UserName: string) => act(account, listPoliciesForUser(account), { UserName });
  assert.deepEqual(await list('alice'), { Policies: { Policy: [] } });
  for (const [PolicyType, PolicyName] of [
    ['System', 'ReadOnlyAccess'],
    ['Custom', 'a'],
  ] as const) {
    account.clock.ms += 1000;
    await act(account, attachPolicyToUser(account), { UserName: 'alice', PolicyType, PolicyName });
  }
  const { Policies } = await list('ALICE');
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
  await assert.rejects(list('none'), refused('EntityNotExist.User', 404));
});
