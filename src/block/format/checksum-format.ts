/** Checksums of a segment's slots, for whoever has no key. Layout in docs/formats/checksums.md. */
import { crc32 } from 'node:zlib';

import { ByteReader, ByteWriter, equalBytes } from './fixed-bytes.ts';
import { SEGMENT_ID_SIZE_BYTES } from './segment-format.ts';

const MAGIC = 'SDSUMS_1';
const VERSION = 1;
const FIXED_SIZE_BYTES = 36;

/** Stored in place of a checksum that nobody has taken. */
export const NO_CHECKSUM = 0;

export interface Checksums {
  readonly segmentId: Uint8Array;
  /** CRC-32 of the 1,024 bytes of the two headers. */
  readonly headers: number;
  /** CRC-32 of each slot, or `NO_CHECKSUM`; slots behind the end of the list have none either. */
  readonly slots: Uint32Array;
}

/** CRC-32 of ISO 3309, as zlib has it: 1.1 us for a slot. One checksum in 2^32 is 0 and then counts as none. */
export function checksumOf(bytes: Uint8Array): number {
  return crc32(bytes);
}

export function encodeChecksums({ segmentId, headers, slots }: Checksums): Uint8Array {
  const writer = new ByteWriter(FIXED_SIZE_BYTES + 4 * slots.length + 4)
    .text(MAGIC)
    .u16(VERSION)
    .u16(0)
    .u32(slots.length)
    .raw(segmentId)
    .u32(headers);
  for (const slot of slots) writer.u32(slot);
  writer.u32(crc32(writer.bytes.subarray(0, writer.position)));
  return writer.bytes;
}

/** Undefined when the bytes are not the checksums of this segment, whole and of a version that we know. */
export function decodeChecksums(bytes: Uint8Array, segmentId: Uint8Array): Checksums | undefined {
  const reader = new ByteReader(bytes);
  if (reader.text(8) !== MAGIC || reader.u16() !== VERSION || reader.u16() !== 0) return undefined;
  const count = reader.u32();
  const end = FIXED_SIZE_BYTES + 4 * count;
  if (bytes.length !== end + 4 || !equalBytes(reader.raw(SEGMENT_ID_SIZE_BYTES), segmentId)) return undefined;
  const headers = reader.u32();
  const slots = Uint32Array.from({ length: count }, () => reader.u32());
  return reader.u32() === crc32(bytes.subarray(0, end)) ? { segmentId, headers, slots } : undefined;
}
