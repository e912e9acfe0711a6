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

test('a policy that is too long to be stored ends too late', () => {
  const text = `${SHARING_POLICY}\n${' '.repeat(6144)}`;
  const lines = SHARING_POLICY.split('\n').length + 1;
  assert.deepEqual(checkPolicy(text, 'identity'), {
    problem: `Expected the end: a document has at most 6144 characters, this one ${text.length}`,
    line: lines,
    column: 6144 - SHARING_POLICY.length,
  });
  assert.deepEqual(checkPolicy(SHARING_POLICY.padEnd(6144), 'identity'), { statements: 2 });
});
