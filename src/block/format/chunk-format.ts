/** Chunks: the segments of a table whose numbers lie in one range. Layout in docs/formats/table.md. */
import { ByteReader, ByteWriter } from './fixed-bytes.ts';
import { NAME_FIELD_BYTES, readName, writeName } from './name-field.ts';
import { MAC_SIZE_BYTES } from './record-macs.ts';
import type { RecordMacs } from './record-macs.ts';
import { epochsOf, readEpochs, readSegments, SEGMENT_ENTRY_BYTES, writeSegments } from './segment-entries.ts';
import type { SegmentEntry } from './segment-entries.ts';

const MAGIC = 'SDCHUNK1';
const VERSION = 1;
const FIXED_SIZE_BYTES = 8 + 4 + 4 + 8 + NAME_FIELD_BYTES + 8;
const EPOCH_ENTRY_BYTES = 72;

/** Numbers that one chunk covers: 1,024 segments of 64 MiB are 64 GiB; its two copies take about 116 KiB when full. */
export const CHUNK_NUMBERS = 1024;

export function rangeOf(segment: number): number {
  return Math.floor(segment / CHUNK_NUMBERS);
}

export interface Chunk {
  readonly diskId: string;
  /** Covers the numbers from `range * CHUNK_NUMBERS` on. */
  readonly range: number;
  /** In order of their numbers. */
  readonly segments: readonly SegmentEntry[];
}

/** One copy; files hold two, one after the other, the same bytes. */
export function encodeChunk(chunk: Chunk, keys: RecordMacs): Uint8Array {
  const epochs = epochsOf(chunk.segments);
  const size =
    FIXED_SIZE_BYTES +
    epochs.records.length * EPOCH_ENTRY_BYTES +
    chunk.segments.length * SEGMENT_ENTRY_BYTES +
    MAC_SIZE_BYTES;
  const writer = new ByteWriter(size).text(MAGIC).u16(VERSION).u16(0).u32(size).u64(chunk.range);
  writeName(writer, chunk.diskId);
  writer.u32(epochs.records.length).u32(chunk.segments.length);
  writeSegments(writer, epochs, chunk.segments);
  writer.raw(keys.mac('table', writer.bytes.subarray(0, writer.position)));
  return writer.bytes;
}

/** Undefined when `copy` is not one authentic chunk of a version that we know. */
export function decodeChunk(copy: Uint8Array, keys: RecordMacs): Chunk | undefined {
  return keys.isAuthentic('table', copy) ? readChunkFields(copy) : undefined;
}

/** The fields without the MAC: where the digest in an index vouches for them, and for those who have no key. */
export function readChunkFields(copy: Uint8Array): Chunk | undefined {
  const reader = new ByteReader(copy);
  if (reader.text(8) !== MAGIC || reader.u16() !== VERSION || reader.u16() !== 0) return undefined;
  if (reader.u32() !== copy.length) return undefined;
  const range = reader.u64();
  const diskId = readName(reader);
  const epochCount = reader.u32();
  const segmentCount = reader.u32();
  const expected =
    FIXED_SIZE_BYTES + epochCount * EPOCH_ENTRY_BYTES + segmentCount * SEGMENT_ENTRY_BYTES + MAC_SIZE_BYTES;
  if (expected !== copy.length) return undefined;
  const epochs = readEpochs(reader, epochCount);
  const segments = epochs && readSegments(reader, segmentCount, epochs);
  if (reader.overrun || segments === undefined || segments.some(({ number }) => rangeOf(number) !== range))
    return undefined;
  return { diskId, range, segments };
}
