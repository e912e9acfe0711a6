import assert from 'node:assert/strict';
import { test } from 'node:test';

import { median, medianRatio, percentile } from '../../bench/samples.ts';

test('a median is the middle, or half way between the two middles', () => {
  assert.equal(median([5, 1, 3]), 3);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test('a percentile is a value that was seen', () => {
  const values = Array.from({ length: 1000 }, (_, index) => 1000 - index);
  assert.equal(percentile(values, 0.999), 999);
  assert.equal(percentile(values, 1), 1000);
  assert.equal(percentile([7], 0.5), 7);
});

test('a ratio compares within a round, with the best peer of that round', () => {
  assert.equal(
    medianRatio(
      [10, 30, 20],
      [
        [5, 10, 10],
        [1, 15, 4],
      ],
    ),
    2,
  );
  // For what should be low the best is the lowest.
  assert.equal(medianRatio([10], [[5], [20]], 'lower'), 2);
});

test('a ratio without any peer is no number, and a round that a peer lacks does not count', () => {
  assert.ok(Number.isNaN(medianRatio([1], [])));
  assert.ok(Number.isNaN(medianRatio([1], [[], [1]])));
  assert.equal(medianRatio([1, 8], [[1, 2], [1]]), 1);
});
