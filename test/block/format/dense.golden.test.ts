// docs/formats/dense.md. Never regenerate: a failure means that disks which exist no longer open.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  decodeDenseIndex,
  DENSE_CAPACITY_MAX,
  DENSE_INDEX_AT,
  denseOffset,
  encodeDenseIndex,
} from '../../../src/block/format/dense-format.ts';
import { SlotSet } from '../../../src/block/format/slot-set.ts';
import { fromFields, zeroes } from './golden.ts';

const SLOTS = [0, 2, 31, 32, 33, 100, 16_255];
const COPY = fromFields(
  '534444454e534531', // magic "SDDENSE1"
  '0100', // version
  '0000', // zeroes
  '07000000', // slots that are there
  '0500008003', // slots 0, 2; 31; 32, 33
  zeroes(7),
  '10', // slot 100
  zeroes(2018),
  '80', // slot 16,255
  zeroes(992),
  '5263af5b5ff74bec2cc527c44fad7ac21bdc3e0513b12416e46654116091a75d', // SHA-256 of what stands before
);

function golden(): SlotSet {
  const slots = new SlotSet(16_256);
  for (const slot of SLOTS) slots.add(slot);
  return slots;
}

test('the index of a dense file has the bytes that it always had', () => {
  assert.equal(COPY.length, 3_072);
  assert.deepEqual(encodeDenseIndex(golden()), Uint8Array.from([...COPY, ...COPY]));
  const { index, damagedCopy } = decodeDenseIndex(Uint8Array.from([...COPY, ...COPY]));
  assert.ok(index);
  assert.equal(damagedCopy, undefined);
  assert.equal(index.slots.count, 7);
  for (let slot = 0; slot < 16_300; slot++) {
    assert.equal(index.slots.has(slot), SLOTS.includes(slot), `slot ${slot}`);
    assert.equal(index.placeOf(slot), SLOTS.filter((other) => other < slot).length, `place of slot ${slot}`);
  }
  assert.equal(index.placeOf(DENSE_CAPACITY_MAX), 7);
  assert.equal(index.fileSizeBytes, 7_168 + 7 * 4_128);
  assert.equal(DENSE_INDEX_AT, 1_024);
  assert.equal(denseOffset(3), 7_168 + 3 * 4_128);
});

test('a flipped bit in one copy of the index is named and costs nothing; in both, the file is none', () => {
  const both = Uint8Array.from([...COPY, ...COPY]);
  for (let at = 0; at < COPY.length; at++) {
    for (const copy of [0, 1] as const) {
      const changed = both.slice();
      changed[copy * 3_072 + at] = (changed[copy * 3_072 + at] ?? 0) ^ (1 << (at % 8));
      const { index, damagedCopy } = decodeDenseIndex(changed);
      assert.equal(index?.slots.count, 7);
      assert.equal(damagedCopy, copy, `byte ${at}`);
    }
  }
  const ruined = both.slice();
  for (const at of [20, 3_092]) ruined[at] = (ruined[at] ?? 0) ^ 1;
  assert.deepEqual(decodeDenseIndex(ruined), { index: undefined, damagedCopy: undefined });
  assert.equal(decodeDenseIndex(both.slice(0, -1)).index, undefined);
  assert.equal(decodeDenseIndex(new Uint8Array(0)).index, undefined);
});
