import assert from 'node:assert/strict';
import { test } from 'node:test';

import { seededRandom, shuffled } from '../../bench/shuffle.ts';

test('one seed gives one order, and every order comes', () => {
  const orders = (seed: number): string[] => {
    const random = seededRandom(seed);
    return Array.from({ length: 200 }, () => shuffled(['a', 'b', 'c'], random).join(''));
  };
  assert.deepEqual(orders(7), orders(7));
  assert.notDeepEqual(orders(7), orders(8));
  assert.deepEqual([...new Set(orders(7))].toSorted(), ['abc', 'acb', 'bac', 'bca', 'cab', 'cba']);
});

test('each subject goes first about equally often', () => {
  const random = seededRandom(1);
  const first = { a: 0, b: 0, c: 0, d: 0 };
  for (let round = 0; round < 4000; round++) first[shuffled(['a', 'b', 'c', 'd'] as const, random)[0] ?? 'a'] += 1;
  for (const count of Object.values(first)) assert.ok(count > 900 && count < 1100, JSON.stringify(first));
});
