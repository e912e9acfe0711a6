// docs/formats/table.md. Never regenerate: a failure means that disks which exist no longer open.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { decodeChunk, encodeChunk, readChunkFields } from '../../../src/block/format/chunk-format.ts';
import type { Chunk } from '../../../src/block/format/chunk-format.ts';
import { tableDigest } from '../../../src/block/format/table-format.ts';
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

/** Two segments of one epoch, and between them one under another suite; the first and the last number of the range. */
const CHUNK: Chunk = {
  diskId: 'd-golden',
  range: 2,
  segments: [
    { number: 2049, id: counting(0x70, 16), headerDigest: counting(0x80, 16), epoch: goldenEpoch(), slots: 16_256 },
    {
      number: 2050,
      id: counting(0x71, 16),
      headerDigest: counting(0x81, 16),
      epoch: { id: counting(0xd0, 16), suite: 'sm4-gcm', wrapped: counting(0x01, 48) },
      slots: 9,
    },
    { number: 3071, id: counting(0x72, 16), headerDigest: counting(0x82, 16), epoch: goldenEpoch(), slots: 4 },
  ],
};

const BYTES = fromFields(
  '53444348554e4b31', // magic "SDCHUNK1"
  '0100', // version
  '0000', // reserved
  'd8010000', // size of this copy: 472
  '0200000000000000', // range
  '08', // disk id: length
  '642d676f6c64656e', // disk id: "d-golden"
  zeroes(87), // rest of the name's field
  '02000000', // epochs
  '03000000', // segments
  'a0a1a2a3a4a5a6a7a8a9aaabacadaeaf', // epoch 0: id
  GOLDEN_WRAPPED['aes-256-gcm'], // epoch 0: sealed secret and tag
  '01', // epoch 0: suite aes-256-gcm
  zeroes(7), // reserved
  'd0d1d2d3d4d5d6d7d8d9dadbdcdddedf', // epoch 1: id
  '0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20', // epoch 1: sealed secret
  '2122232425262728292a2b2c2d2e2f30', // epoch 1: tag
  '02', // epoch 1: suite sm4-gcm
  zeroes(7), // reserved
  '0108000000000000', // segment: number
  '707172737475767778797a7b7c7d7e7f', // segment: id
  '808182838485868788898a8b8c8d8e8f', // segment: header digest
  '00000000', // segment: epoch
  '803f0000', // segment: slots
  zeroes(8), // reserved
  '0208000000000000', // segment: number
  '7172737475767778797a7b7c7d7e7f80', // segment: id
  '8182838485868788898a8b8c8d8e8f90', // segment: header digest
  '01000000', // segment: epoch
  '09000000', // segment: slots
  zeroes(8), // reserved
  'ff0b000000000000', // segment: number
  '72737475767778797a7b7c7d7e7f8081', // segment: id
  '82838485868788898a8b8c8d8e8f9091', // segment: header digest
  '00000000', // segment: epoch
  '04000000', // segment: slots
  zeroes(8), // reserved
  '18e15d9b4cdac516aba43c9c61ef9abd46d9e9483cd0ad97c34edf211c7f9c1d', // MAC
);

test('a chunk has the bytes that it always had', () => {
  using keys = goldenKeys();
  assert.deepEqual(encodeChunk(CHUNK, keys), BYTES);
  assert.deepEqual(decodeChunk(BYTES, keys), CHUNK);
  assert.deepEqual(readChunkFields(BYTES), CHUNK, 'also without a key');
  assert.deepEqual(Buffer.from(tableDigest(BYTES)), createHash('sha256').update(BYTES).digest());
});

test('every byte of a chunk counts, and what does not add up or is unknown is refused', () => {
  using keys = goldenKeys();
  assertEveryByteCounts(BYTES, (copy) => decodeChunk(copy, keys));
  const decode = (at: number, hex: string): unknown => decodeChunk(remade(BYTES, 'table', at, hex), keys);
  assert.notEqual(decode(128 + 2 * 72 + 44, '09'), undefined, 'a chunk that was made again with the key verifies');
  assertRefused(decode, [
    [0, '54'], // magic
    [8, '0200'], // version
    [10, '01'], // reserved
    [12, 'd9'], // size
    [16, '01'], // range
    [120, '03'], // one epoch too many
    [124, '02'], // one segment too few
    [124, 'ffffffff'],
    [128 + 64, '03'], // suite
    [128 + 65, '01'], // reserved
    [128 + 2 * 72 + 1, '0c'], // a number outside the range
    [128 + 2 * 72 + 40, '02'], // an epoch that there is not
    [128 + 2 * 72 + 48, '01'], // reserved
  ]);
});

test('a range that is no exact number is refused, also where no segment could contradict it', () => {
  using keys = goldenKeys();
  const empty = encodeChunk({ diskId: 'd-golden', range: 2, segments: [] }, keys);
  assert.notEqual(decodeChunk(empty, keys), undefined);
  for (const range of ['ffffffffffffffff', '0000000000002000'])
    assert.equal(decodeChunk(remade(empty, 'table', 16, range), keys), undefined, range);
});
