// docs/formats/table.md and roots.md. Never regenerate: a failure means that disks which exist no longer open.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { addressOf } from '../../../src/block/format/address.ts';
import { decodeTable, encodeTable, readTableFields, tableDigest } from '../../../src/block/format/table-format.ts';
import type { SegmentTable, TableFields } from '../../../src/block/format/table-format.ts';
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

const FIELDS: TableFields = {
  suite: 'aes-256-gcm',
  diskId: 'd-golden',
  snapshotId: '',
  sequence: 7,
  sizeBytes: 2 ** 30,
  root: addressOf(3, 2),
};

const TABLE: SegmentTable = {
  ...FIELDS,
  segments: [],
  chunks: [
    { range: 0, id: counting(0x30, 16), digest: counting(0x40, 32), segmentCount: 1024 },
    { range: 2, id: counting(0x50, 16), digest: counting(0x60, 32), segmentCount: 3 },
  ],
};

/** What follows the size of the copy, up to the snapshot's id; both versions have it in common. */
const FIXED = [
  '0700000000000000', // sequence
  '0000004000000000', // size of the disk: 1 GiB
  '0200300000000000', // root: segment 3, slot 2
  '08', // disk id: length
  '642d676f6c64656e', // disk id: "d-golden"
  zeroes(87), // rest of the name's field
] as const;

const SNAPSHOT_ID = [
  '08', // snapshot id: length
  '732d676f6c64656e', // snapshot id: "s-golden"
  zeroes(87), // rest of the name's field
] as const;

/** What follows the name of the snapshot, up to the MAC. */
const CHUNKS = [
  '02000000', // chunks
  zeroes(4), // reserved
  '0000000000000000', // chunk: range
  '303132333435363738393a3b3c3d3e3f', // chunk: id
  '404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f', // chunk: digest
  '00040000', // chunk: segments
  zeroes(4), // reserved
  '0200000000000000', // chunk: range
  '505152535455565758595a5b5c5d5e5f', // chunk: id
  '606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f', // chunk: digest
  '03000000', // chunk: segments
  zeroes(4), // reserved
] as const;

const CHECKPOINT = fromFields(
  '53445441424c4531', // magic "SDTABLE1"
  '0200', // version
  '01', // kind: checkpoint
  '01', // suite: aes-256-gcm
  '90010000', // size of this copy: 400
  ...FIXED,
  zeroes(96), // no snapshot id
  ...CHUNKS,
  'b77a79ea8ecdc83fbcca9598d238a986087c987020be3c697f76cb6ff22c1b43', // MAC
);

const ROOT = fromFields(
  '53445441424c4531', // magic "SDTABLE1"
  '0200', // version
  '02', // kind: snapshot
  '01', // suite: aes-256-gcm
  '90010000', // size of this copy: 400
  ...FIXED,
  ...SNAPSHOT_ID,
  ...CHUNKS,
  '2e7ff809307ff6a13c8d4c819c39430a40c0b5c45fbdc1451b213829b232603d', // MAC
);

for (const [name, table, bytes] of [
  ['table of a checkpoint', TABLE, CHECKPOINT],
  ['root of a snapshot', { ...TABLE, snapshotId: 's-golden' }, ROOT],
] as const)
  test(`the ${name} has the bytes that it always had`, () => {
    using keys = goldenKeys();
    assert.deepEqual(encodeTable(table, keys), bytes);
    assert.deepEqual(decodeTable(bytes, keys), table);
    assert.deepEqual(readTableFields(bytes), table, 'also without a key');
    assert.deepEqual(Buffer.from(tableDigest(bytes)), createHash('sha256').update(bytes).digest());
  });

test('a table without segments has 272 bytes', () => {
  using keys = goldenKeys();
  const empty: SegmentTable = { ...TABLE, root: 0, chunks: [] };
  const bytes = encodeTable(empty, keys);
  assert.equal(bytes.length, 272);
  assert.deepEqual(decodeTable(bytes, keys), empty);
});

test('every byte of a table counts, and what does not add up or is unknown is refused', () => {
  using keys = goldenKeys();
  assertEveryByteCounts(CHECKPOINT, (copy) => decodeTable(copy, keys));
  const decode = (at: number, hex: string): unknown => decodeTable(remade(CHECKPOINT, 'table', at, hex), keys);
  assert.notEqual(decode(16, '09'), undefined, 'a table that was made again with the key verifies');
  assertRefused(decode, [
    [0, '54'], // magic
    [8, '0300'], // version
    [10, '02'], // kind, of a snapshot that has no id
    [10, '03'],
    [11, '03'], // suite
    [12, '39'], // size
    [232, '03'], // one chunk too many
    [232, 'ffffffff'],
    [236, '01'], // reserved
    [240 + 60, '01'], // reserved
    [240 + 64, '00'], // a range twice
  ]);
});

/** Two segments of one epoch, and between them one that a clone shares with its source. */
const TABLE_OF_VERSION_1: SegmentTable = {
  ...FIELDS,
  segments: [
    { number: 1, id: counting(0x70, 16), headerDigest: counting(0x80, 16), epoch: goldenEpoch(), slots: 16_256 },
    {
      number: 2,
      id: counting(0x71, 16),
      headerDigest: counting(0x81, 16),
      epoch: { id: counting(0xd0, 16), suite: 'aes-256-gcm', wrapped: counting(0x01, 48) },
      slots: 9,
    },
    { number: 3, id: counting(0x72, 16), headerDigest: counting(0x82, 16), epoch: goldenEpoch(), slots: 4 },
  ],
  chunks: [],
};

/** What follows the name of the snapshot in version 1, up to the MAC. */
const LISTS_OF_VERSION_1 = [
  '02000000', // epochs
  '03000000', // segments
  'a0a1a2a3a4a5a6a7a8a9aaabacadaeaf', // epoch 0: id
  GOLDEN_WRAPPED['aes-256-gcm'], // epoch 0: sealed secret and tag
  'd0d1d2d3d4d5d6d7d8d9dadbdcdddedf', // epoch 1: id
  '0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20', // epoch 1: sealed secret
  '2122232425262728292a2b2c2d2e2f30', // epoch 1: tag
  '0100000000000000', // segment: number
  '707172737475767778797a7b7c7d7e7f', // segment: id
  '808182838485868788898a8b8c8d8e8f', // segment: header digest
  '00000000', // segment: epoch
  '803f0000', // segment: slots
  zeroes(8), // reserved
  '0200000000000000', // segment: number
  '7172737475767778797a7b7c7d7e7f80', // segment: id
  '8182838485868788898a8b8c8d8e8f90', // segment: header digest
  '01000000', // segment: epoch
  '09000000', // segment: slots
  zeroes(8), // reserved
  '0300000000000000', // segment: number
  '72737475767778797a7b7c7d7e7f8081', // segment: id
  '82838485868788898a8b8c8d8e8f9091', // segment: header digest
  '00000000', // segment: epoch
  '04000000', // segment: slots
  zeroes(8), // reserved
] as const;

const CHECKPOINT_OF_VERSION_1 = fromFields(
  '53445441424c4531', // magic "SDTABLE1"
  '0100', // version
  '01', // kind: checkpoint
  '01', // suite: aes-256-gcm
  '38020000', // size of this copy: 568
  ...FIXED,
  zeroes(96), // no snapshot id
  ...LISTS_OF_VERSION_1,
  '0dea4b003e57fbec3ee47ade101d06ee3c3fe167b0c510f31687b3582137f332', // MAC
);

const ROOT_OF_VERSION_1 = fromFields(
  '53445441424c4531', // magic "SDTABLE1"
  '0100', // version
  '02', // kind: snapshot
  '01', // suite: aes-256-gcm
  '38020000', // size of this copy: 568
  ...FIXED,
  ...SNAPSHOT_ID,
  ...LISTS_OF_VERSION_1,
  'eeacc4da90691ee059a381fe871b27930ca944f5fb8faaaa06211c213cb198d7', // MAC
);

test('tables and roots of version 1 are read, and every byte of them counts', () => {
  using keys = goldenKeys();
  assert.deepEqual(decodeTable(CHECKPOINT_OF_VERSION_1, keys), TABLE_OF_VERSION_1);
  assert.deepEqual(decodeTable(ROOT_OF_VERSION_1, keys), { ...TABLE_OF_VERSION_1, snapshotId: 's-golden' });
  assertEveryByteCounts(CHECKPOINT_OF_VERSION_1, (copy) => decodeTable(copy, keys));
  assertRefused(
    (at, hex) => decodeTable(remade(CHECKPOINT_OF_VERSION_1, 'table', at, hex), keys),
    [
      [8, '0200'], // version
      [240 + 64 * 2 + 48, '01'], // reserved
      [232, '03'], // one epoch too many
      [232, 'ffffffff'],
      [236, '02'], // one segment too few
      [236, 'ffffffff'],
      [240 + 64 * 2 + 40, '02'], // an epoch that there is not
    ],
  );
});
