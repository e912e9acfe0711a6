import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { nothingReached, runSeed } from './simulation.ts';
import type { Reached } from './simulation.ts';

/** `SEALDISK_SIM_SEEDS` for longer runs by hand; `scripts/soak.ts` never stops. */
const SEEDS = Number(process.env['SEALDISK_SIM_SEEDS'] ?? 1_000);
const SEEDS_PER_TEST = 100;
/** Events: of fewer, chance decides whether a few seeds meet them often enough. */
const RATES_HOLD_FROM = 5;

const total = nothingReached();

for (let first = 1; first <= SEEDS; first += SEEDS_PER_TEST) {
  const last = Math.min(SEEDS, first + SEEDS_PER_TEST - 1);
  test(`what was flushed survives every crash, and snapshots never change: seeds ${first} to ${last}`, async () => {
    for (let seed = first; seed <= last; seed++) {
      const { reached } = await runSeed(seed);
      for (const key of Object.keys(total) as (keyof Reached)[]) total[key] += reached[key];
    }
  });
}

test('the same seed is the same run', async () => {
  for (const seed of [3, 17, 101]) {
    const [one, two] = [await runSeed(seed), await runSeed(seed)];
    assert.equal(one.trace, two.trace, `seed ${seed}`);
    assert.deepEqual(one.reached, two.reached);
  }
});

after(() => {
  // A simulation that meets nothing passes everything.
  const perSeed: Partial<Reached> = {
    processCrashes: 0.5,
    powerLosses: 0.5,
    crashesInRecovery: 0.3,
    recoveries: 0.5,
    closes: 0.5,
    abandons: 0.1,
    failedCloses: 0.005,
    failuresTold: 0.1,
    checkpoints: 1,
    snapshots: 1,
    collections: 0.3,
    rewritten: 1,
    dead: 0.2,
    clones: 1,
    views: 0.2,
    comparisons: 1,
    growths: 0.2,
    flushes: 10,
    writes: 30,
    cachedReads: 1,
    failedSyncs: 0.1,
    tornSectors: 0.5,
    droppedSectors: 3,
    seals: 100,
    rotations: 0.5,
    reencryptions: 0.1,
  };
  for (const [key, least] of Object.entries(perSeed) as [keyof Reached, number][])
    if (least * SEEDS >= RATES_HOLD_FROM)
      assert.ok(
        total[key] >= least * SEEDS,
        `the runs reached ${total[key]} ${key}, expected ${least * SEEDS} or more`,
      );
});
