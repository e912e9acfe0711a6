/** Lists of segments and of their epochs, as tables of version 1 and chunks hold them. Layout in docs/formats/table.md. */
import type { Suite } from '../../crypto/aead.ts';
import type { ByteReader, ByteWriter } from './fixed-bytes.ts';
import { EPOCH_ID_SIZE_BYTES, WRAPPED_EPOCH_SIZE_BYTES } from './key-records.ts';
import type { EpochRecord } from './key-records.ts';
import { HEADER_DIGEST_SIZE_BYTES, SEGMENT_ID_SIZE_BYTES } from './segment-format.ts';
import { SUITE_CODES, suiteOfCode } from './suite-codes.ts';

export const SEGMENT_ENTRY_BYTES = 56;

export interface SegmentEntry {
  readonly number: number;
  readonly id: Uint8Array;
  /** Of one copy of its header: the header of another disk's segment has a MAC that we cannot check. */
  readonly headerDigest: Uint8Array;
  readonly epoch: EpochRecord;
  /** How many slots belong to the state; the file may be longer. */
  readonly slots: number;
}

/** The epochs of some segments in the order of their first use, and where each is in that order. */
export interface EpochList {
  readonly records: readonly EpochRecord[];
  readonly places: ReadonlyMap<string, number>;
}

/** Two records of one epoch that are wrapped under different keys are two. */
export function epochName(epoch: EpochRecord): string {
  return Buffer.from(epoch.id).toString('latin1') + Buffer.from(epoch.wrapped).toString('latin1');
}

export function epochsOf(segments: readonly SegmentEntry[]): EpochList {
  const places = new Map<string, number>();
  const records: EpochRecord[] = [];
  let last: EpochRecord | undefined;
  for (const { epoch } of segments) {
    if (epoch === last) continue;
    last = epoch;
    const name = epochName(epoch);
    if (places.has(name)) continue;
    places.set(name, records.length);
    records.push(epoch);
  }
  return { records, places };
}

/** The epochs, 72 bytes each, then the segments. */
export function writeSegments(writer: ByteWriter, epochs: EpochList, segments: readonly SegmentEntry[]): void {
  for (const { id, wrapped, suite } of epochs.records)
    writer.raw(id).raw(wrapped).u8(SUITE_CODES[suite]).u8(0).u16(0).u32(0);
  for (const entry of segments) {
    const place = epochs.places.get(epochName(entry.epoch)) ?? 0;
    writer.u64(entry.number).raw(entry.id).raw(entry.headerDigest).u32(place).u32(entry.slots).u64(0);
  }
}

/** Undefined when a suite is unknown or reserved bytes are not zero. */
export function readEpochs(reader: ByteReader, count: number): EpochRecord[] | undefined {
  const epochs: EpochRecord[] = [];
  for (let i = 0; i < count; i++) {
    const record = { id: reader.raw(EPOCH_ID_SIZE_BYTES), wrapped: reader.raw(WRAPPED_EPOCH_SIZE_BYTES) };
    const suite = suiteOfCode(reader.u8());
    if (suite === undefined || reader.u8() !== 0 || reader.u16() !== 0 || reader.u32() !== 0) return undefined;
    epochs.push({ ...record, suite });
  }
  return epochs;
}

/** The epochs of version 1, 64 bytes each: all of the suite that the table names. */
export function readEpochsOfVersion1(reader: ByteReader, count: number, suite: Suite): EpochRecord[] {
  return Array.from({ length: count }, () => ({
    id: reader.raw(EPOCH_ID_SIZE_BYTES),
    wrapped: reader.raw(WRAPPED_EPOCH_SIZE_BYTES),
    suite,
  }));
}

/** Undefined when an entry names an epoch that there is not, or reserved bytes are not zero. */
export function readSegments(
  reader: ByteReader,
  count: number,
  epochs: readonly EpochRecord[],
): SegmentEntry[] | undefined {
  const segments: SegmentEntry[] = [];
  for (let i = 0; i < count; i++) {
    const number = reader.u64();
    const id = reader.raw(SEGMENT_ID_SIZE_BYTES);
    const headerDigest = reader.raw(HEADER_DIGEST_SIZE_BYTES);
    const epoch = epochs[reader.u32()];
    const slots = reader.u32();
    if (epoch === undefined || reader.u64() !== 0) return undefined;
    segments.push({ number, id, headerDigest, epoch, slots });
  }
  return segments;
}
