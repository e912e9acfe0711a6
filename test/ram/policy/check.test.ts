import assert from 'node:assert/strict';
import { test } from 'node:test';

import { checkPolicy } from '../../../src/ram/policy/check.ts';
import { SHARING_POLICY, SHARING_POLICY_AS_PRINTED } from './sharing-policy.ts';

test('a policy is understood, or its problem is told with its place', () => {
  assert.deepEqual(checkPolicy(SHARING_POLICY, 'identity'), { statements: 2 });
  assert.deepEqual(checkPolicy(SHARING_POLICY_AS_PRINTED, 'identity'), {
    problem: "Expected ',' or ']', found a double quote",
    line: 19,
    column: 9,
  });
});

test('a trust policy is another language', () => {
  assert.deepEqual(checkPolicy(SHARING_POLICY, 'trust'), {
    problem: '"Resource" is no part of a trust statement, which knows Effect, Action, NotAction, Principal, Condition',
    line: 8,
    column: 7,
  });
});
