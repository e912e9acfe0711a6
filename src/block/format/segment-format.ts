/** Segment headers: who a segment is and under which epoch its slots are sealed. Layout in docs/formats/segment.md. */
import { createHash } from 'node:crypto';

import { assert } from '../../base/assert.ts';
import { ByteReader, ByteWriter } from './fixed-bytes.ts';
import { EPOCH_ID_SIZE_BYTES, WRAPPED_EPOCH_SIZE_BYTES } from './key-records.ts';
import type { EpochRecord } from './key-records.ts';
import { MAC_SIZE_BYTES } from './record-macs.ts';
import type { RecordMacs } from './record-macs.ts';
import { SUITE_CODES, suiteOfCode } from './suite-codes.ts';

export const SEGMENT_HEADER_SIZE_BYTES = 512;
/** Two copies, one after the other; the first slot follows at once. */
export const SEGMENT_HEADER_REGION_BYTES = 2 * SEGMENT_HEADER_SIZE_BYTES;
export const SEGMENT_ID_SIZE_BYTES = 16;
export const HEADER_DIGEST_SIZE_BYTES = 16;

const MAGIC = 'SDSEGMT1';
const VERSION = 1;
const DISK_ID_SIZE_BYTES_MAX = 95;

/** `log`: blocks and notes in the order of their writes. `map`: the pages of one checkpoint. */
export type SegmentKind = 'log' | 'map';
const KIND_CODES: Readonly<Record<SegmentKind, number>> = { log: 1, map: 2 };

export interface SegmentHeader {
  readonly kind: SegmentKind;
  readonly number: number;
  /** Random, so that two timelines of one disk never mistake each other's segments; the file is named after it. */
  readonly id: Uint8Array;
  /** The run of the engine that wrote it; recovery follows the log within one session only. */
  readonly session: Uint8Array;
  readonly epoch: EpochRecord;
  /** How many slots it may grow to. */
  readonly capacity: number;
  readonly diskId: string;
}

/** One copy, 512 bytes, every one of them under the MAC or part of it. */
export function encodeSegmentHeader(header: SegmentHeader, keys: RecordMacs): Uint8Array {
  const writer = new ByteWriter(SEGMENT_HEADER_SIZE_BYTES)
    .text(MAGIC)
    .u16(VERSION)
    .u8(KIND_CODES[header.kind])
    .u8(SUITE_CODES[header.epoch.suite])
    .u32(header.capacity)
    .u64(header.number)
    .raw(header.id)
    .raw(header.session)
    .raw(header.epoch.id)
    .raw(header.epoch.wrapped);
  assert(header.diskId.length <= DISK_ID_SIZE_BYTES_MAX, 'a disk id fits its field');
  writer.u8(header.diskId.length).text(header.diskId);
  writer.padTo(SEGMENT_HEADER_SIZE_BYTES - MAC_SIZE_BYTES);
  writer.raw(keys.mac('segment-header', writer.bytes.subarray(0, writer.position)));
  return writer.bytes;
}

/** Undefined when `copy` is not an authentic header of a version that we know. */
export function decodeSegmentHeader(copy: Uint8Array, keys: RecordMacs): SegmentHeader | undefined {
  if (copy.length !== SEGMENT_HEADER_SIZE_BYTES || !keys.isAuthentic('segment-header', copy)) return undefined;
  const reader = new ByteReader(copy);
  if (reader.text(8) !== MAGIC || reader.u16() !== VERSION) return undefined;
  const kindCode = reader.u8();
  const kind = kindCode === KIND_CODES.log ? 'log' : kindCode === KIND_CODES.map ? 'map' : undefined;
  const suite = suiteOfCode(reader.u8());
  if (kind === undefined || suite === undefined) return undefined;
  const fields: SegmentHeader = {
    kind,
    capacity: reader.u32(),
    number: reader.u64(),
    id: reader.raw(SEGMENT_ID_SIZE_BYTES),
    session: reader.raw(16),
    epoch: { id: reader.raw(EPOCH_ID_SIZE_BYTES), suite, wrapped: reader.raw(WRAPPED_EPOCH_SIZE_BYTES) },
    diskId: reader.text(reader.u8()),
  };
  return reader.overrun ? undefined : fields;
}

/** What a segment table remembers of a header, so that a clone can check one that it has no MAC key for. */
export function headerDigest(copy: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(copy).digest().subarray(0, HEADER_DIGEST_SIZE_BYTES));
}
