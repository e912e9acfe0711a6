import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseOptions } from '../../bench/options.ts';
import { FULL, profileOf, QUICK } from '../../bench/profile.ts';

test('rows, rounds and seed are whole numbers', () => {
  const options = parseOptions(['--quick', '--rows', '1,5', '--rounds=7', '--seed', '9', '--size', '64'], 0);
  assert.deepEqual(
    [options.quick, options.rows, options.rounds, options.seed, options.sizeMib],
    [true, [1, 5], 7, 9, 64],
  );
  for (const wrong of [
    ['--rows', 'one'],
    ['--rounds', '0'],
    ['--seed', '1.5'],
  ])
    assert.throws(() => parseOptions(wrong, 0), /takes whole numbers from 1/);
  assert.throws(() => parseOptions(['--rowz', '1'], 0));
});

test('a seed that nobody gave follows from the time', () => {
  assert.notEqual(parseOptions([], 1).seed, parseOptions([], 2).seed);
  assert.ok(parseOptions([], 0).seed >= 1);
});

test('rounds and size replace what the form says', () => {
  assert.equal(profileOf(parseOptions([], 0)).sizeBytes, FULL.sizeBytes);
  const profile = profileOf(parseOptions(['--quick', '--rounds', '2', '--size', '64'], 0));
  assert.deepEqual(profile, { ...QUICK, rounds: 2, sizeBytes: 2 ** 26, steadySizeBytes: 2 ** 26 });
});
