// docs/formats/head.md. Never regenerate: a failure means that disks which exist no longer open.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decodeHead, encodeHead, pinOf, readHeadFields } from '../../../src/block/format/head-format.ts';
import type { Head } from '../../../src/block/format/head-format.ts';
import { assertEveryByteCounts, assertRefused, counting, fromFields, goldenKeys, remade, zeroes } from './golden.ts';

const IDENTITY = {
  diskId: 'd-golden',
  sizeBytes: 2 ** 30,
  wrappedKey: counting(0xe0, 5),
  tableId: counting(0x10, 16),
  tableDigest: counting(0x20, 32),
  session: counting(0x40, 16),
  machine: counting(0x60, 32),
  directoryInode: 2 ** 32 + 2,
  olderKeys: [],
  reencryption: undefined,
};

const CLOSED: Head = {
  ...IDENTITY,
  suite: 'sm4-gcm',
  encrypted: true,
  clean: true,
  sequence: 7,
  log: { segment: 0, id: new Uint8Array(16), slot: 0 },
  nextSegment: 5,
};

const WRITTEN: Head = {
  ...IDENTITY,
  suite: 'aes-256-gcm',
  encrypted: false,
  clean: false,
  sequence: 8,
  log: { segment: 2 ** 32 + 4, id: counting(0x50, 16), slot: 9 },
  nextSegment: 2 ** 32 + 5,
};

/** What both versions have in common behind the version, up to the wrapped key. */
const CLOSED_FIELDS = [
  '02', // suite: sm4-gcm
  '03', // flags: encrypted, clean
  zeroes(4), // reserved
  '0700000000000000', // sequence
  '0000004000000000', // size: 1 GiB
  '101112131415161718191a1b1c1d1e1f', // table id
  '202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f', // table digest
  '404142434445464748494a4b4c4d4e4f', // session
  zeroes(8), // log: segment
  zeroes(16), // log: id
  zeroes(4), // log: slot
  zeroes(4), // reserved
  '0500000000000000', // next segment number
  '606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f', // machine
  '0200000001000000', // inode
  '08', // disk id: length
  '642d676f6c64656e', // disk id: "d-golden"
  zeroes(87), // rest of the name's field
  '0500', // wrapped key: length
  'e0e1e2e3e4', // wrapped key
] as const;

const WRITTEN_FIELDS = [
  '01', // suite: aes-256-gcm
  '00', // flags
  zeroes(4), // reserved
  '0800000000000000', // sequence
  '0000004000000000', // size: 1 GiB
  '101112131415161718191a1b1c1d1e1f', // table id
  '202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f', // table digest
  '404142434445464748494a4b4c4d4e4f', // session
  '0400000001000000', // log: segment
  '505152535455565758595a5b5c5d5e5f', // log: id
  '09000000', // log: slot
  zeroes(4), // reserved
  '0500000001000000', // next segment number
  '606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f', // machine
  '0200000001000000', // inode
  '08', // disk id: length
  '642d676f6c64656e', // disk id: "d-golden"
  zeroes(87), // rest of the name's field
  '0500', // wrapped key: length
  'e0e1e2e3e4', // wrapped key
] as const;

const MAGIC = '5344484541445f31'; // "SDHEAD_1"

const VECTORS: readonly (readonly [string, Head, Uint8Array])[] = [
  [
    'an encrypted sm4-gcm disk that was closed',
    CLOSED,
    fromFields(
      MAGIC,
      '0200', // version
      ...CLOSED_FIELDS,
      zeroes(2057), // up to 2,336
      '00000000', // earlier data keys
      '00000000', // no re-encryption
      zeroes(32), // its fields
      zeroes(1688), // up to the MAC
      '7e775d1102ec45ad98e7fe6a3d1425e5709bfea1cda75f63935e543dd2bbe06e', // MAC
    ),
  ],
  [
    'an unencrypted disk that is being written, with a re-encryption that is paused',
    {
      ...WRITTEN,
      olderKeys: [counting(0x01, 160), counting(0x02, 160)],
      reencryption: {
        paused: true,
        bytesPerSecond: 2 ** 26,
        segments: 11,
        slots: 2 ** 33,
        beganAtMs: 1_764_000_000_000,
      },
    },
    fromFields(
      MAGIC,
      '0200', // version
      ...WRITTEN_FIELDS,
      zeroes(2057), // up to 2,336
      '02000000', // earlier data keys
      '02000000', // re-encryption: paused
      '0000000400000000', // bytes per second: 64 MiB
      '0b00000000000000', // segments at its beginning
      '0000000002000000', // slots at its beginning
      '00e897b69a010000', // when it began
      Buffer.from(counting(0x01, 160)).toString('hex'), // earlier data key
      Buffer.from(counting(0x02, 160)).toString('hex'), // earlier data key
      zeroes(1368), // up to the MAC
      '84475635c8ec1261cd01495bf6f9a28fed65ed68e03855aa5126eed14ae4fe71', // MAC
    ),
  ],
];

/** Only read: heads of this version are in disks that exist. */
const VERSION_1: readonly (readonly [Head, Uint8Array])[] = [
  [
    CLOSED,
    fromFields(
      MAGIC,
      '0100', // version
      ...CLOSED_FIELDS,
      zeroes(3785), // up to the MAC
      '175ce8bb544a5d5e45c175b8030b2ba67b8cd083abc93f5c865ce7fea2a2fc31', // MAC
    ),
  ],
  [
    WRITTEN,
    fromFields(
      MAGIC,
      '0100', // version
      ...WRITTEN_FIELDS,
      zeroes(3785), // up to the MAC
      '40e65fe0ae4b9a76302dfe8bf4664a539bd6d0a73ce6c30c647d3b7939c87b9b', // MAC
    ),
  ],
];

test('heads of version 1 are read', () => {
  for (const [head, bytes] of VERSION_1) {
    using keys = goldenKeys(head.suite);
    assert.deepEqual(decodeHead(bytes, keys), head);
  }
});

for (const [name, head, bytes] of VECTORS)
  test(`the head of ${name} has the bytes that it always had`, () => {
    using keys = goldenKeys(head.suite);
    assert.deepEqual(encodeHead(head, keys), bytes);
    assert.deepEqual(decodeHead(bytes, keys), head);
    assert.deepEqual(readHeadFields(bytes), head, 'also without a key');
  });

test('every byte of a head counts, and a version or suite that is unknown is refused', () => {
  using keys = goldenKeys();
  const bytes = VECTORS[1]?.[2] ?? new Uint8Array(0);
  assertEveryByteCounts(bytes, (copy) => decodeHead(copy, keys));
  const decode = (at: number, hex: string): unknown => decodeHead(remade(bytes, 'head', at, hex), keys);
  assert.notEqual(decode(16, '09'), undefined, 'a head that was made again with the key verifies');
  assertRefused(decode, [
    [0, '54'],
    [8, '0300'],
    [10, '00'],
    [10, '03'],
    [11, '04'], // flags
    [11, '82'],
    [12, '01'], // reserved
    [124, '01'],
    [2336, '05'], // more earlier keys than a head can hold
    [2340, '03'], // state of the re-encryption
    [2351, '01'], // a number that is not exact
  ]);
});

test('a pin is the sequence and the SHA-256 of one copy', () => {
  assert.deepEqual(pinOf(8, Buffer.from('abc')), {
    sequence: 8,
    digest: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  });
});
