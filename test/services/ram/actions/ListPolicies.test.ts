import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listPolicies } from '../../../../src/services/ram/actions/ListPolicies.ts';
import { createPolicy } from '../../../../src/services/ram/actions/CreatePolicy.ts';
import {
  ALLOW_DECRYPT,
  OTHER_ACCOUNT,
  act,
  attachToUser,
  makePolicy,
  namesOnAllPages,
  openAccountWithUsers,
  refused,
} from '../support.ts';
import { SYSTEM_POLICIES } from '../../../../src/ram/system-policies.ts';

test('policies of both types are listed, page by page, each once', async () => {
  await using account = await openAccountWithUsers('alice');
  for (const name of ['b', 'a', 'c']) await makePolicy(account, name);
  await attachToUser(account, 'Custom', 'b', 'alice');
  const names = await namesOnAllPages(
    (page) => act(account, listPolicies(account), page),
    ({ Policies }) => (Policies?.Policy ?? []).map((policy) => policy.PolicyName),
  );
  assert.deepEqual(names, ['a', 'b', 'c', ...[...SYSTEM_POLICIES.keys()].toSorted()]);
  const { Policies } = await act(account, listPolicies(account), { PolicyType: 'Custom' });
  assert.deepEqual(
    Policies?.Policy.map(({ PolicyName, AttachmentCount }) => [PolicyName, AttachmentCount]),
    [
      ['a', 0],
      ['b', 1],
      ['c', 0],
    ],
  );
  const others = await act(account, listPolicies(account), { PolicyType: 'Custom' }, OTHER_ACCOUNT);
  assert.deepEqual(others.Policies, { Policy: [] });
});

test('types and tags filter, and what is neither is refused', async () => {
  await using account = await openAccountWithUsers();
  await makePolicy(account, 'plain');
  const Tag = '[{"Key":"team","Value":"dev"}]';
  await act(account, createPolicy(account), { PolicyName: 'tagged', PolicyDocument: ALLOW_DECRYPT, Tag });
  const names = async (input: object) =>
    (await act(account, listPolicies(account), input)).Policies?.Policy.map((policy) => policy.PolicyName);
  assert.deepEqual(await names({ Tag }), ['tagged']);
  assert.deepEqual(await names({ Tag: '[{"Key":"team","Value":"ops"}]' }), []);
  assert.ok(!(await names({ PolicyType: 'System' }))?.includes('plain'));
  await assert.rejects(names({ PolicyType: 'custom' }), refused('InvalidParameter.PolicyType', 400));
  await assert.rejects(names({ Tag: 'x' }), refused('InvalidParameter.Tag.Format', 400));
  await assert.rejects(names({ MaxItems: 0 }), refused('InvalidParameter.MaxItems', 400));
});
