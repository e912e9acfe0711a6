// docs/formats/segment.md. Never regenerate: a failure means that disks which exist no longer open.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { addressOf, segmentOf, slotOf } from '../../../src/block/format/address.ts';
import { decodeSegmentHeader, encodeSegmentHeader, headerDigest } from '../../../src/block/format/segment-format.ts';
import type { SegmentHeader } from '../../../src/block/format/segment-format.ts';
import { slotOffset, slotsInFile } from '../../../src/block/format/slot-format.ts';
import {
  assertEveryByteCounts,
  assertRefused,
  counting,
  fromFields,
  GOLDEN_WRAPPED,
  goldenEpoch,
  goldenKeys,
  remade,
  zeroes,
} from './golden.ts';

const HEADER: SegmentHeader = {
  kind: 'log',
  number: 2 ** 32 + 3,
  id: counting(0x70, 16),
  session: counting(0x40, 16),
  epoch: goldenEpoch(),
  capacity: 16_256,
  diskId: 'd-golden',
};

const BYTES = fromFields(
  '53445345474d5431', // magic "SDSEGMT1"
  '0100', // version
  '01', // kind: log
  '01', // suite: aes-256-gcm
  '803f0000', // capacity: 16,256 slots
  '0300000001000000', // number
  '707172737475767778797a7b7c7d7e7f', // id
  '404142434445464748494a4b4c4d4e4f', // session
  'a0a1a2a3a4a5a6a7a8a9aaabacadaeaf', // epoch: id
  GOLDEN_WRAPPED['aes-256-gcm'], // epoch: sealed secret and tag
  '08', // disk id: length
  '642d676f6c64656e', // disk id: "d-golden"
  zeroes(87), // rest of the name's field
  zeroes(264), // up to the MAC
  '43b5a5a070ef180cfea3db8464c33b31ae2ea81371756870f9d6b7593985602a', // MAC
);

test('a segment header has the bytes that it always had', () => {
  using keys = goldenKeys();
  assert.deepEqual(encodeSegmentHeader(HEADER, keys), BYTES);
  assert.deepEqual(decodeSegmentHeader(BYTES, keys), HEADER);
  const digest = createHash('sha256').update(BYTES).digest().subarray(0, 16);
  assert.deepEqual(Buffer.from(headerDigest(BYTES)), digest);
});

test('every byte of a segment header counts, and a version, kind or suite that is unknown is refused', () => {
  using keys = goldenKeys();
  assertEveryByteCounts(BYTES, (copy) => decodeSegmentHeader(copy, keys));
  const decode = (at: number, hex: string): SegmentHeader | undefined =>
    decodeSegmentHeader(remade(BYTES, 'segment-header', at, hex), keys);
  assert.equal(decode(10, '02')?.kind, 'map');
  assertRefused(decode, [
    [0, '54'],
    [8, '0200'],
    [10, '03'],
    [11, '09'],
  ]);
  using others = goldenKeys();
  assert.equal(others.isAuthentic('head', BYTES), false, 'a header is no record of another kind');
});

test('slots lie behind the two copies of the header, and addresses hold number and slot', () => {
  assert.equal(slotOffset(0), 1_024);
  assert.equal(slotOffset(16_255), 1_024 + 4_128 * 16_255);
  assert.equal(slotsInFile(1_024 + 4_128 * 2 + 4_127), 2);
  assert.equal(slotsInFile(1_000), 0);
  assert.equal(addressOf(3, 2), 0x300002);
  assert.equal(addressOf(2 ** 33 - 1, 2 ** 20 - 1), Number.MAX_SAFE_INTEGER);
  assert.equal(segmentOf(Number.MAX_SAFE_INTEGER), 2 ** 33 - 1);
  assert.equal(slotOf(Number.MAX_SAFE_INTEGER), 2 ** 20 - 1);
});
