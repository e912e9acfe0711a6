// docs/formats/map.md. Never regenerate: a failure means that disks which exist no longer open.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { addressOf, DAMAGED, HOLE, isMarker, ZERO } from '../../../src/block/format/address.ts';
import {
  blocksBelow,
  decodeMapPage,
  encodeMapPage,
  PAGE_ENTRIES,
  ROOT_LEVEL,
} from '../../../src/block/format/map-page.ts';
import { fromFields, zeroes } from './golden.ts';

const BYTES = fromFields(
  '0000000000000000', // entry 0: hole
  '0100000000000000', // entry 1: allocated zeroes
  '0200300000000000', // entry 2: segment 3, slot 2
  '00001000000000'.padEnd(16, '0'), // entry 3: segment 1, slot 0: the lowest address
  'ffffffffffff1f00', // entry 4: segment 2^33 - 1, slot 2^20 - 1: the highest
  zeroes(8 * 506), // entries 5 to 510: holes
  '7f3e500000001000', // entry 511: segment 2^32 + 5, slot 15,999
);

test('a page of the map has the bytes that it always had', () => {
  const entries = new Float64Array(512);
  entries[1] = ZERO;
  entries[2] = addressOf(3, 2);
  entries[3] = addressOf(1, 0);
  entries[4] = addressOf(2 ** 33 - 1, 2 ** 20 - 1);
  entries[511] = addressOf(2 ** 32 + 5, 15_999);
  assert.equal(BYTES.length, 4096);
  assert.deepEqual(encodeMapPage(entries), BYTES);
  assert.deepEqual(decodeMapPage(BYTES), entries);
});

test('four levels of 512 reach 256 TiB, and three values name no slot', () => {
  assert.equal(PAGE_ENTRIES, 512);
  assert.equal(ROOT_LEVEL, 3);
  assert.deepEqual([0, 1, 2, 3].map(blocksBelow), [512, 2 ** 18, 2 ** 27, 2 ** 36]);
  assert.deepEqual([HOLE, ZERO, DAMAGED], [0, 1, 2]);
  assert.ok(isMarker(HOLE) && isMarker(ZERO) && isMarker(DAMAGED) && !isMarker(addressOf(1, 0)));
});
