import assert from 'node:assert/strict';
import { test } from 'node:test';

import { crashAtEveryCall, ENDS } from './every-call.ts';

/** Chosen for what they do: snapshots under writes, closes and opens, checkpoints, bursts; both suites. */
const SEEDS = [1, 2, 10];

for (const seed of SEEDS)
  test(`a crash at every call of a short piece of work, in six ways, twice in a third of them: seed ${seed}`, async () => {
    const { calls, crashes, crashesInRecovery, snapshotsChecked } = await crashAtEveryCall(seed);
    assert.ok(calls > 60 && calls <= 300, `${calls} calls`);
    assert.equal(crashes, calls * ENDS.length);
    assert.ok(crashesInRecovery > calls / 2, `${crashesInRecovery} crashes in recovery`);
    assert.ok(snapshotsChecked > 0, 'there are snapshots');
  });
