import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { sortPoints } from '../../../src/block/map/sorted-points.ts';

test('points come out in the order of their blocks, each with its address, up to the last block of 64 TiB', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat({ max: 2 ** 34 - 1 }), { maxLength: 300 }), async (blocks) => {
      const { blocks: sorted, addresses } = await sortPoints(
        Float64Array.from(blocks),
        Float64Array.from(blocks, (block) => block * 2 + 1),
      );
      assert.deepEqual(
        [...sorted],
        blocks.toSorted((a, b) => a - b),
      );
      assert.deepEqual(
        [...addresses],
        [...sorted].map((block) => block * 2 + 1),
      );
    }),
  );
});

test('sorting many points lets others have their turn', async () => {
  let turns = 0;
  let done = false;
  const count = (): void => {
    turns += 1;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  await sortPoints(
    Float64Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 200_003),
    new Float64Array(200_000),
  );
  done = true;
  assert.ok(turns >= 10, `${turns} turns`);
});
