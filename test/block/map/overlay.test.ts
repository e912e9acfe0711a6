import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { HOLE, ZERO } from '../../../src/block/format/address.ts';
import { Overlay } from '../../../src/block/map/overlay.ts';

const LEAF = 512;
const LEAVES = 8;
const BLOCKS = LEAVES * LEAF;

test('leaves that count as covered by one run are, to the last block, and a fresh run covers all of its whole leaves', () => {
  const change = fc.record({
    first: fc.nat(BLOCKS - 1),
    count: fc.integer({ min: 1, max: 3 * LEAF }),
    kind: fc.nat(2),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), fc.nat(LEAVES - 1), (changes, from) => {
      const overlay = new Overlay();
      for (const { first, count, kind } of changes) {
        if (kind === 2) overlay.set(first, 1000 + first);
        else overlay.setRun(first, Math.min(count, BLOCKS - first), kind === 0 ? HOLE : ZERO);
      }
      const covered = overlay.coveredLeaves(from, LEAVES);
      if (covered === undefined) return;
      assert.ok(covered.end > from && covered.end <= LEAVES);
      for (let block = from * LEAF; block < covered.end * LEAF; block++) {
        assert.equal(overlay.get(block), covered.marker, `block ${block}`);
      }
    }),
    { numRuns: 300 },
  );
  const overlay = new Overlay();
  overlay.set(3 * LEAF + 5, 1000);
  overlay.setRun(LEAF + 1, 5 * LEAF, HOLE);
  assert.equal(overlay.coveredLeaves(1, LEAVES), undefined, 'its first block is not of the run');
  assert.deepEqual(overlay.coveredLeaves(2, LEAVES), { marker: HOLE, end: 3 }, 'a leaf that had points is looked at');
  assert.deepEqual(overlay.coveredLeaves(4, LEAVES), { marker: HOLE, end: 6 });
  assert.deepEqual(overlay.coveredLeaves(4, 5), { marker: HOLE, end: 5 });
  assert.equal(overlay.coveredLeaves(6, LEAVES), undefined, 'not all of it is of the run');
});
