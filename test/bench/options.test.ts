import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseOptions } from '../../bench/options.ts';

test('rows, rounds and seed are whole numbers', () => {
  const options = parseOptions(['--quick', '--rows', '1,5', '--rounds=7', '--seed', '9'], 0);
  assert.deepEqual([options.quick, options.rows, options.rounds, options.seed], [true, [1, 5], 7, 9]);
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
