import assert from 'node:assert/strict';
import { test } from 'node:test';

import { overlap } from './overlapping.ts';

const SEEDS = 150;

test('blocks that are read, trimmed and kept while their write is under way or has just failed hold one of its sides', async () => {
  const total = { operations: 0, failures: 0, snapshots: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const reached = await overlap(seed);
    for (const key of ['operations', 'failures', 'snapshots'] as const) total[key] += reached[key];
  }
  assert.ok(total.operations > 50 * SEEDS && total.snapshots > SEEDS, JSON.stringify(total));
  assert.ok(total.failures > 2 * SEEDS, JSON.stringify(total));
});
