import assert from 'node:assert/strict';
import { test } from 'node:test';

import { compileKeyPolicy, isSharedWith, rulesFor } from '../../../src/ram/policy/key-policy.ts';

const OWNER = '1000000000000001';
const OTHER = '1000000000000002';

const statement = (Effect: string, ...principals: readonly string[]): object => ({
  Effect,
  Action: 'kms:*',
  Resource: '*',
  Principal: { RAM: principals },
});
const compiled = (...statements: readonly object[]) =>
  compileKeyPolicy(JSON.stringify({ Version: '1', Statement: statements }));

/** The effects of the statements that speak of somebody. */
const effects = (principal: string, ...statements: readonly object[]): string =>
  rulesFor(compiled(...statements), OWNER, principal)
    .map(({ effect }) => effect)
    .join(' ');

test('a statement speaks of the users and roles that it names, in whatever case, and of nobody else', () => {
  const named = statement('Allow', `acs:ram::${OWNER}:user/alice`, `acs:ram::${OWNER}:role/Ops`);
  assert.equal(effects(`acs:ram::${OWNER}:user/alice`, named), 'Allow');
  assert.equal(effects(`acs:ram::${OWNER}:role/ops`, named), 'Allow');
  for (const other of [`${OWNER}:user/bob`, `${OWNER}:role/alice`, `${OTHER}:user/alice`, `${OWNER}:root`])
    assert.equal(effects(`acs:ram::${other}`, named), '', other);
});

for (const everybody of ['*', 'root']) {
  test(`the name of an account (${everybody}) allows its users nothing if it owns the key, and denies all of them`, () => {
    const both = [
      statement('Allow', `acs:ram::${OWNER}:${everybody}`),
      statement('Deny', `acs:ram::${OWNER}:${everybody}`),
    ];
    assert.equal(effects(`acs:ram::${OWNER}:root`, ...both), 'Allow Deny');
    assert.equal(effects(`acs:ram::${OWNER}:user/alice`, ...both), 'Deny');
    assert.equal(effects(`acs:ram::${OTHER}:user/alice`, ...both), '');
  });

  test(`the name of another account (${everybody}) speaks of everybody in it`, () => {
    const both = [
      statement('Allow', `acs:ram::${OTHER}:${everybody}`),
      statement('Deny', `acs:ram::${OTHER}:${everybody}`),
    ];
    for (const who of ['root', 'user/alice', 'role/ops'])
      assert.equal(effects(`acs:ram::${OTHER}:${who}`, ...both), 'Allow Deny', who);
    assert.equal(effects(`acs:ram::${OWNER}:root`, ...both), '');
  });
}

test('a key is shared with the accounts to whom, or to whose users, something is allowed', () => {
  const shared = (...statements: readonly object[]): readonly boolean[] =>
    [OWNER, OTHER].map((accountId) => isSharedWith(compiled(...statements), accountId));
  assert.deepEqual(shared(statement('Allow', `acs:ram::${OTHER}:*`)), [false, true]);
  assert.deepEqual(shared(statement('Allow', `acs:ram::${OTHER}:user/alice`)), [false, true]);
  assert.deepEqual(shared(statement('Deny', `acs:ram::${OTHER}:*`)), [false, false]);
});
