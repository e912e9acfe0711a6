/**
 * Segment tables: which segments a state consists of, under which epochs, and where its map begins.
 * A checkpoint's table and a snapshot's root are the same record. Layout in docs/formats/table.md.
 */
import { createHash } from 'node:crypto';

import { assert } from '../base/assert.ts';
import type { Suite } from '../crypto/aead.ts';
import type { Address } from './address.ts';
import { EPOCH_ID_SIZE_BYTES, MAC_SIZE_BYTES, WRAPPED_EPOCH_SIZE_BYTES } from './disk-keys.ts';
import type { DiskKeys, EpochRecord } from './disk-keys.ts';
import { ByteReader, ByteWriter } from './fixed-bytes.ts';
import { HEADER_DIGEST_SIZE_BYTES, SEGMENT_ID_SIZE_BYTES } from './segment-format.ts';
import { SUITE_CODES, suiteOfCode } from './suite-codes.ts';

const MAGIC = 'SDTABLE1';
const VERSION = 1;
const NAME_FIELD_BYTES = 96;
const FIXED_SIZE_BYTES = 8 + 4 + 4 + 8 + 8 + 8 + 2 * NAME_FIELD_BYTES + 8;
const EPOCH_ENTRY_BYTES = EPOCH_ID_SIZE_BYTES + WRAPPED_EPOCH_SIZE_BYTES;
const SEGMENT_ENTRY_BYTES = 8 + SEGMENT_ID_SIZE_BYTES + HEADER_DIGEST_SIZE_BYTES + 16;

export interface SegmentEntry {
  readonly number: number;
  readonly id: Uint8Array;
  /** Of one copy of its header: the header of another disk's segment has a MAC that we cannot check. */
  readonly headerDigest: Uint8Array;
  readonly epoch: EpochRecord;
  /** How many slots belong to the state; the file may be longer. */
  readonly slots: number;
}

export interface SegmentTable {
  readonly suite: Suite;
  readonly diskId: string;
  /** Empty in the table of a checkpoint. */
  readonly snapshotId: string;
  /** Of the head that this table was made for, or that was current when the snapshot was taken. */
  readonly sequence: number;
  readonly sizeBytes: number;
  readonly root: Address;
  readonly segments: readonly SegmentEntry[];
}

/** One copy; files hold two, one after the other, the same bytes. Every byte is under the MAC or part of it. */
export function encodeTable(table: SegmentTable, keys: DiskKeys): Uint8Array {
  const epochs = new Map<string, number>();
  const records: EpochRecord[] = [];
  for (const { epoch } of table.segments) {
    const name = Buffer.from(epoch.id).toString('latin1');
    if (epochs.has(name)) continue;
    epochs.set(name, records.length);
    records.push(epoch);
  }
  const size =
    FIXED_SIZE_BYTES +
    records.length * EPOCH_ENTRY_BYTES +
    table.segments.length * SEGMENT_ENTRY_BYTES +
    MAC_SIZE_BYTES;
  const writer = new ByteWriter(size)
    .text(MAGIC)
    .u16(VERSION)
    .u8(kindOf(table.snapshotId))
    .u8(SUITE_CODES[table.suite])
    .u32(size)
    .u64(table.sequence)
    .u64(table.sizeBytes)
    .u64(table.root);
  writeName(writer, table.diskId);
  writeName(writer, table.snapshotId);
  writer.u32(records.length).u32(table.segments.length);
  for (const { id, wrapped } of records) writer.raw(id).raw(wrapped);
  for (const entry of table.segments) {
    const epoch = epochs.get(Buffer.from(entry.epoch.id).toString('latin1')) ?? 0;
    writer.u64(entry.number).raw(entry.id).raw(entry.headerDigest).u32(epoch).u32(entry.slots).u64(0);
  }
  writer.raw(keys.mac('table', writer.bytes.subarray(0, writer.position)));
  return writer.bytes;
}

/** Undefined when `copy` is not one authentic table of a version that we know. */
export function decodeTable(copy: Uint8Array, keys: DiskKeys): SegmentTable | undefined {
  return keys.isAuthentic('table', copy) ? readTableFields(copy) : undefined;
}

/** The fields without the MAC: for removals and for people who have no key, never for opening. */
export function readTableFields(copy: Uint8Array): SegmentTable | undefined {
  const reader = new ByteReader(copy);
  if (reader.text(8) !== MAGIC || reader.u16() !== VERSION) return undefined;
  const kind = reader.u8();
  const suite = suiteOfCode(reader.u8());
  if (suite === undefined || reader.u32() !== copy.length) return undefined;
  const fields = { suite, sequence: reader.u64(), sizeBytes: reader.u64(), root: reader.u64() };
  const diskId = readName(reader);
  const snapshotId = readName(reader);
  if (kind !== kindOf(snapshotId)) return undefined;
  const epochCount = reader.u32();
  const segmentCount = reader.u32();
  const expected =
    FIXED_SIZE_BYTES + epochCount * EPOCH_ENTRY_BYTES + segmentCount * SEGMENT_ENTRY_BYTES + MAC_SIZE_BYTES;
  if (expected !== copy.length) return undefined;
  const epochs: EpochRecord[] = [];
  for (let i = 0; i < epochCount; i++)
    epochs.push({ id: reader.raw(EPOCH_ID_SIZE_BYTES), wrapped: reader.raw(WRAPPED_EPOCH_SIZE_BYTES) });
  const segments: SegmentEntry[] = [];
  for (let i = 0; i < segmentCount; i++) {
    const number = reader.u64();
    const id = reader.raw(SEGMENT_ID_SIZE_BYTES);
    const headerDigest = reader.raw(HEADER_DIGEST_SIZE_BYTES);
    const epoch = epochs[reader.u32()];
    const slots = reader.u32();
    if (epoch === undefined || reader.u64() !== 0) return undefined;
    segments.push({ number, id, headerDigest, epoch, slots });
  }
  return reader.overrun ? undefined : { ...fields, diskId, snapshotId, segments };
}

/** SHA-256 of one copy: what the head pins. */
export function tableDigest(copy: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(copy).digest());
}

function kindOf(snapshotId: string): number {
  return snapshotId === '' ? 1 : 2;
}

function writeName(writer: ByteWriter, name: string): void {
  assert(name.length < NAME_FIELD_BYTES, 'a name fits its field');
  const at = writer.position;
  writer
    .u8(name.length)
    .text(name)
    .padTo(at + NAME_FIELD_BYTES);
}

function readName(reader: ByteReader): string {
  const at = reader.position;
  const name = reader.text(reader.u8());
  reader.skipTo(at + NAME_FIELD_BYTES);
  return name;
}
