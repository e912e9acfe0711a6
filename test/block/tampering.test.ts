import assert from 'node:assert/strict';
import { test } from 'node:test';

import { tamper } from './tampering.ts';

for (const seed of [1, 2])
  test(`changed, cut, exchanged and older files never make a disk, snapshot or clone answer what it does not hold: seed ${seed}`, async () => {
    const reached = await tamper(seed, 100, 1_499, 100);
    assert.ok(reached.denseFiles > 0 && reached.sharedFiles > 0, JSON.stringify(reached));
    for (const kind of ['refused', 'unreadable', 'harmless', 'dead'] as const)
      assert.ok(reached[kind] > 0, `${kind} was met: ${JSON.stringify(reached)}`);
    assert.ok(reached.changes > 170);
  });
