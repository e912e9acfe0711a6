import assert from 'node:assert/strict';
import { test } from 'node:test';

import { updatePolicyDescription } from '../../../../src/services/ram/actions/UpdatePolicyDescription.ts';
import { getPolicy } from '../../../../src/services/ram/actions/GetPolicy.ts';
import { act, makePolicy, openTestAccount, refused } from '../support.ts';

test('a description is changed and cleared, and nothing else', async () => {
  await using account = await openTestAccount();
  await makePolicy(account, 'p');
  const update = (NewDescription: string, PolicyName = 'p') =>
    act(account, updatePolicyDescription(account), { PolicyName, NewDescription });
  account.clock.ms += 1000;
  const { Policy } = await update('new');
  assert.deepEqual(Policy, {
    PolicyName: 'p',
    PolicyType: 'Custom',
    Description: 'new',
    DefaultVersion: 'v1',
    CreateDate: '2026-11-23T12:00:00Z',
    UpdateDate: '2026-11-23T12:00:01Z',
  });
  await update('');
  const shown = await act(account, getPolicy(account), { PolicyType: 'Custom', PolicyName: 'p' });
  assert.equal(shown.Policy?.Description, '');
  await assert.rejects(update('x'.repeat(1025)), refused('InvalidParameter.NewDescription.Length', 400));
  await assert.rejects(update('x', 'none'), refused('EntityNotExist.Policy', 404));
});
