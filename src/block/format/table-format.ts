/**
 * Segment tables: which segments a state consists of, and where its map begins. A table is an index of chunks, each of
 * which holds the segments of a range of numbers; a checkpoint's table and a snapshot's root are the same record.
 * Layout in docs/formats/table.md.
 */
import { createHash } from 'node:crypto';

import type { Suite } from '../../crypto/aead.ts';
import type { Address } from './address.ts';
import { ByteReader, ByteWriter } from './fixed-bytes.ts';
import { NAME_FIELD_BYTES, readName, writeName } from './name-field.ts';
import { MAC_SIZE_BYTES } from './record-macs.ts';
import type { RecordMacs } from './record-macs.ts';
import { readEpochsOfVersion1, readSegments, SEGMENT_ENTRY_BYTES } from './segment-entries.ts';
import type { SegmentEntry } from './segment-entries.ts';
import { SUITE_CODES, suiteOfCode } from './suite-codes.ts';

export type { SegmentEntry } from './segment-entries.ts';

const MAGIC = 'SDTABLE1';
const VERSION = 2;
const FIXED_SIZE_BYTES = 8 + 4 + 4 + 8 + 8 + 8 + 2 * NAME_FIELD_BYTES + 8;
const EPOCH_ENTRY_BYTES_OF_VERSION_1 = 64;
export const CHUNK_ID_SIZE_BYTES = 16;
const DIGEST_SIZE_BYTES = 32;
const CHUNK_ENTRY_BYTES = 8 + CHUNK_ID_SIZE_BYTES + DIGEST_SIZE_BYTES + 8;

/** What a table says besides its segments. */
export interface TableFields {
  readonly suite: Suite;
  readonly diskId: string;
  /** Empty in the table of a checkpoint. */
  readonly snapshotId: string;
  /** Of the head that this table was made for, or that was current when the snapshot was taken. */
  readonly sequence: number;
  readonly sizeBytes: number;
  readonly root: Address;
}

/** A table with all of its segments. */
export interface SegmentTable extends TableFields {
  readonly segments: readonly SegmentEntry[];
  /** The files that hold the segments; none in a table of version 1, which holds them itself. */
  readonly chunks: readonly ChunkReference[];
}

/** Names a chunk file, `tables/<id in hex>`; its bytes never change. */
export interface ChunkReference {
  readonly range: number;
  readonly id: Uint8Array;
  /** SHA-256 of one copy. */
  readonly digest: Uint8Array;
  readonly segmentCount: number;
}

/** One copy; files hold two, one after the other, the same bytes. Every byte is under the MAC or part of it. */
export function encodeTable(
  table: TableFields & { readonly chunks: readonly ChunkReference[] },
  keys: RecordMacs,
): Uint8Array {
  const size = FIXED_SIZE_BYTES + table.chunks.length * CHUNK_ENTRY_BYTES + MAC_SIZE_BYTES;
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
  writer.u32(table.chunks.length).u32(0);
  for (const { range, id, digest, segmentCount } of table.chunks)
    writer.u64(range).raw(id).raw(digest).u32(segmentCount).u32(0);
  writer.raw(keys.mac('table', writer.bytes.subarray(0, writer.position)));
  return writer.bytes;
}

/**
 * Undefined when `copy` is not one authentic table of a version that we know. Of version 1 it has segments and no
 * chunks, of version 2 chunks, whose segments are still to be read.
 */
export function decodeTable(copy: Uint8Array, keys: RecordMacs): SegmentTable | undefined {
  return keys.isAuthentic('table', copy) ? readTableFields(copy) : undefined;
}

/** The fields without the MAC: for removals and for people who have no key, never for opening. */
export function readTableFields(copy: Uint8Array): SegmentTable | undefined {
  const reader = new ByteReader(copy);
  if (reader.text(8) !== MAGIC) return undefined;
  const version = reader.u16();
  const kind = reader.u8();
  const suite = suiteOfCode(reader.u8());
  if (suite === undefined || reader.u32() !== copy.length) return undefined;
  const numbers = { suite, sequence: reader.u64(), sizeBytes: reader.u64(), root: reader.u64() };
  const diskId = readName(reader);
  const snapshotId = readName(reader);
  if (kind !== kindOf(snapshotId)) return undefined;
  const fields = { ...numbers, diskId, snapshotId };
  if (version === 1) {
    const segments = readVersion1(reader, copy.length, suite);
    return segments && !reader.overrun ? { ...fields, segments, chunks: [] } : undefined;
  }
  const chunks = version === VERSION ? readChunkEntries(reader, copy.length) : undefined;
  return chunks && !reader.overrun ? { ...fields, segments: [], chunks } : undefined;
}

/** SHA-256 of one copy of a table or chunk: what a head or an index pins. */
export function tableDigest(copy: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(copy).digest());
}

function readChunkEntries(reader: ByteReader, size: number): ChunkReference[] | undefined {
  const count = reader.u32();
  if (reader.u32() !== 0 || FIXED_SIZE_BYTES + count * CHUNK_ENTRY_BYTES + MAC_SIZE_BYTES !== size) return undefined;
  const chunks: ChunkReference[] = [];
  for (let i = 0; i < count; i++) {
    const range = reader.u64();
    const names = { id: reader.raw(CHUNK_ID_SIZE_BYTES), digest: reader.raw(DIGEST_SIZE_BYTES) };
    const segmentCount = reader.u32();
    if (!(range > (chunks.at(-1)?.range ?? -1)) || reader.u32() !== 0) return undefined;
    chunks.push({ range, ...names, segmentCount });
  }
  return chunks;
}

function readVersion1(reader: ByteReader, size: number, suite: Suite): SegmentEntry[] | undefined {
  const epochCount = reader.u32();
  const segmentCount = reader.u32();
  const listed = epochCount * EPOCH_ENTRY_BYTES_OF_VERSION_1 + segmentCount * SEGMENT_ENTRY_BYTES;
  if (FIXED_SIZE_BYTES + listed + MAC_SIZE_BYTES !== size) return undefined;
  return readSegments(reader, segmentCount, readEpochsOfVersion1(reader, epochCount, suite));
}

function kindOf(snapshotId: string): number {
  return snapshotId === '' ? 1 : 2;
}
