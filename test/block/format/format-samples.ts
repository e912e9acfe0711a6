/** One value of every format, with the keys and the layout that docs/formats gives it. */
import { addressOf } from '../../../src/block/format/address.ts';
import { decodeChunk, encodeChunk } from '../../../src/block/format/chunk-format.ts';
import type { Chunk } from '../../../src/block/format/chunk-format.ts';
import { DiskKeys } from '../../../src/block/keys/disk-keys.ts';
import type { EpochRecord } from '../../../src/block/format/key-records.ts';
import { decodeHead, encodeHead } from '../../../src/block/format/head-format.ts';
import type { Head } from '../../../src/block/format/head-format.ts';
import { decodeMapPage, encodeMapPage, PAGE_ENTRIES } from '../../../src/block/format/map-page.ts';
import { decodeMark, encodeMark } from '../../../src/block/format/mark-format.ts';
import type { Mark } from '../../../src/block/format/mark-format.ts';
import { decodeNote, encodeNote } from '../../../src/block/format/note-format.ts';
import type { Note } from '../../../src/block/format/note-format.ts';
import { decodeSegmentHeader, encodeSegmentHeader } from '../../../src/block/format/segment-format.ts';
import type { SegmentHeader } from '../../../src/block/format/segment-format.ts';
import { openSlot, sealSlot, SLOT_DATA, SLOT_SIZE_BYTES } from '../../../src/block/format/slot-format.ts';
import type { SlotMeta } from '../../../src/block/format/slot-format.ts';
import { decodeTable, encodeTable } from '../../../src/block/format/table-format.ts';
import type { SegmentEntry, SegmentTable } from '../../../src/block/format/table-format.ts';
import type { Suite } from '../../../src/crypto/aead.ts';
import { nodeCipherBackend } from '../../../src/crypto/node-aead.ts';

/** 00 01 02 … */
export const counting = (length: number, from = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (from + i) % 256);

export const keysOf = (suite: Suite): DiskKeys => new DiskKeys(nodeCipherBackend(), { suite, key: counting(32) });

export interface Sample {
  readonly name: string;
  /** Field names and sizes in order; they add up to the record. */
  readonly layout: readonly (readonly [field: string, size: number])[];
  readonly value: unknown;
  readonly encode: () => Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
}

const SEGMENT = 2 ** 32 + 5;

const segmentsOf = (epoch: EpochRecord): SegmentEntry[] => [
  { number: 2 ** 32 + 2, id: counting(16, 5), headerDigest: counting(16, 6), epoch, slots: 16_256 },
  { number: SEGMENT, id: counting(16, 7), headerDigest: counting(16, 8), epoch, slots: 42 },
];

/** As version 1 had it: with nothing of other data keys. */
const headOf = (suite: Suite): Head => ({
  diskId: 'd-golden',
  sizeBytes: 64 * 2 ** 40,
  encrypted: true,
  wrappedKey: counting(20, 200),
  sequence: 2 ** 40 + 3,
  suite,
  clean: false,
  tableId: counting(16, 1),
  tableDigest: counting(32, 2),
  session: counting(16, 32),
  log: { segment: SEGMENT, id: counting(16, 16), slot: 77 },
  nextSegment: SEGMENT + 1,
  machine: counting(32, 3),
  directoryInode: 123_456_789,
  olderKeys: [],
  reencryption: undefined,
});

/** What version 1 wrote, and is only read: by the names that `vectors/formats.json` has for it. */
export function samplesOfVersion1(suite: Suite): (Pick<Sample, 'name' | 'decode'> & { readonly value: unknown })[] {
  const keys = keysOf(suite);
  const epoch = keys.adoptEpoch(counting(16, 64), counting(32, 128), suite);
  const [first, last] = segmentsOf(epoch);
  const table = {
    suite,
    diskId: 'd-golden',
    snapshotId: 's-golden',
    sequence: 9,
    sizeBytes: 2 ** 30,
    root: addressOf(SEGMENT, 40),
    segments: [{ ...first, number: 3 }, last],
    chunks: [],
  };
  return [
    { name: 'head', value: headOf(suite), decode: (bytes) => decodeHead(bytes, keys) },
    { name: 'table', value: table, decode: (bytes) => decodeTable(bytes, keys) },
  ];
}

export function samplesOf(suite: Suite): Sample[] {
  const keys = keysOf(suite);
  const epoch = keys.adoptEpoch(counting(16, 64), counting(32, 128), suite);
  const header: SegmentHeader = {
    kind: 'log',
    number: SEGMENT,
    id: counting(16, 16),
    session: counting(16, 32),
    epoch,
    capacity: 16_256,
    diskId: 'd-golden',
  };
  const head: Head = {
    ...headOf(suite),
    olderKeys: [counting(160, 11)],
    reencryption: {
      paused: false,
      bytesPerSecond: 5_000_000,
      segments: 2 ** 32 + 1,
      slots: 2 ** 46,
      beganAtMs: 1_764_000_000_000,
    },
  };
  const table: SegmentTable = {
    suite,
    diskId: 'd-golden',
    snapshotId: 's-golden',
    sequence: 9,
    sizeBytes: 2 ** 30,
    root: addressOf(SEGMENT, 40),
    segments: [],
    chunks: [
      { range: 0, id: counting(16, 12), digest: counting(32, 13), segmentCount: 7 },
      { range: 2 ** 22, id: counting(16, 14), digest: counting(32, 15), segmentCount: 2 },
    ],
  };
  const chunk: Chunk = { diskId: 'd-golden', range: 2 ** 22, segments: segmentsOf(epoch) };
  const mark: Mark = { session: counting(16, 32), durable: { segment: SEGMENT, slot: 12 } };
  const begin: Note = {
    kind: 'begin',
    previous: { segment: SEGMENT - 1, id: counting(16, 9), slots: 16_256 },
    durable: { segment: SEGMENT - 1, slot: 16_000 },
  };
  const run: Note = { kind: 'run', marker: 1, firstBlock: 2 ** 33 + 1, blockCount: 2 ** 32 };
  const page = new Float64Array(PAGE_ENTRIES);
  page.set([0, 1, addressOf(1, 0), addressOf(SEGMENT, 16_255)]);
  const meta: SlotMeta = { type: SLOT_DATA, level: 0, index: 2 ** 33 + 5, watermark: 7 };
  const body = counting(4096);
  return [
    {
      name: 'epoch',
      layout: [
        ['epoch id', 16],
        ['wrapped epoch secret', 48],
      ],
      value: { id: epoch.id, secret: counting(32, 128) },
      encode: () => Buffer.concat([epoch.id, epoch.wrapped]),
      decode: (bytes) => {
        const record = { id: new Uint8Array(bytes.subarray(0, 16)), suite, wrapped: bytes.subarray(16) };
        return { id: record.id, secret: keys.epochSecret(record) };
      },
    },
    {
      name: 'segment header',
      layout: [
        ['magic', 8],
        ['version', 2],
        ['kind', 1],
        ['suite', 1],
        ['capacity', 4],
        ['number', 8],
        ['segment id', 16],
        ['session id', 16],
        ['epoch id', 16],
        ['wrapped epoch secret', 48],
        ['disk id length', 1],
        ['disk id', 8],
        ['zeroes', 351],
        ['mac', 32],
      ],
      value: header,
      encode: () => encodeSegmentHeader(header, keys),
      decode: (bytes) => decodeSegmentHeader(bytes, keys),
    },
    {
      name: 'slot',
      layout: [
        ['ciphertext', 4096],
        ['sealed meta', 16],
        ['tag', 16],
      ],
      value: { meta, body },
      encode: () => {
        const sealed = new Uint8Array(SLOT_SIZE_BYTES);
        sealSlot(keys.aead(epoch), SEGMENT, 12, meta, body, sealed);
        return sealed;
      },
      decode: (bytes) => {
        const opened = new Uint8Array(4096);
        return { meta: openSlot(keys.aead(epoch), SEGMENT, 12, bytes, opened), body: opened };
      },
    },
    {
      name: 'head',
      layout: [
        ['magic', 8],
        ['version', 2],
        ['suite', 1],
        ['flags', 1],
        ['zeroes', 4],
        ['sequence', 8],
        ['size', 8],
        ['table id', 16],
        ['table digest', 32],
        ['session id', 16],
        ['log segment', 8],
        ['log segment id', 16],
        ['log slot', 4],
        ['zeroes', 4],
        ['next segment', 8],
        ['machine', 32],
        ['directory inode', 8],
        ['disk id length', 1],
        ['disk id', 95],
        ['wrapped key length', 2],
        ['wrapped key', 20],
        ['zeroes', 2042],
        ['earlier keys', 4],
        ['re-encryption', 4],
        ['bytes per second', 8],
        ['segments', 8],
        ['slots', 8],
        ['began', 8],
        ['earlier key', 160],
        ['zeroes', 1528],
        ['mac', 32],
      ],
      value: head,
      encode: () => encodeHead(head, keys),
      decode: (bytes) => decodeHead(bytes, keys),
    },
    {
      name: 'table',
      layout: [
        ['magic', 8],
        ['version', 2],
        ['kind', 1],
        ['suite', 1],
        ['length', 4],
        ['sequence', 8],
        ['size', 8],
        ['root', 8],
        ['disk id', 96],
        ['snapshot id', 96],
        ['chunks', 4],
        ['zeroes', 4],
        ['chunk of 0', 64],
        ['chunk of 4194304', 64],
        ['mac', 32],
      ],
      value: table,
      encode: () => encodeTable(table, keys),
      decode: (bytes) => decodeTable(bytes, keys),
    },
    {
      name: 'chunk',
      layout: [
        ['magic', 8],
        ['version', 2],
        ['zeroes', 2],
        ['length', 4],
        ['range', 8],
        ['disk id', 96],
        ['epochs', 4],
        ['segments', 4],
        ['epoch 0', 72],
        ['segment 4294967298', 56],
        ['segment 4294967301', 56],
        ['mac', 32],
      ],
      value: chunk,
      encode: () => encodeChunk(chunk, keys),
      decode: (bytes) => decodeChunk(bytes, keys),
    },
    {
      name: 'mark',
      layout: [
        ['magic', 8],
        ['version', 2],
        ['session id', 16],
        ['segment', 8],
        ['slot', 4],
        ['zeroes', 442],
        ['mac', 32],
      ],
      value: mark,
      encode: () => encodeMark(mark, keys),
      decode: (bytes) => decodeMark(bytes, keys),
    },
    {
      name: 'begin note',
      layout: [
        ['kind', 1],
        ['previous segment', 8],
        ['previous id', 16],
        ['previous slots', 4],
        ['durable segment', 8],
        ['durable slot', 4],
        ['zeroes', 4055],
      ],
      value: begin,
      encode: () => encodeNote(begin),
      decode: decodeNote,
    },
    {
      name: 'run note',
      layout: [
        ['kind', 1],
        ['marker', 1],
        ['first block', 8],
        ['block count', 8],
        ['zeroes', 4078],
      ],
      value: run,
      encode: () => encodeNote(run),
      decode: decodeNote,
    },
    {
      name: 'map page',
      layout: [
        ['hole', 8],
        ['zeroes that are allocated', 8],
        ['segment 1 slot 0', 8],
        ['segment 4294967301 slot 16255', 8],
        ['holes', 4064],
      ],
      value: page,
      encode: () => encodeMapPage(page),
      decode: decodeMapPage,
    },
  ];
}
