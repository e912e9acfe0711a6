/** The mark: how far the log was durable when a flush was last answered. Layout in docs/formats/mark.md. */
import type { LogPosition } from './address.ts';
import { ByteReader, ByteWriter } from './fixed-bytes.ts';
import { MAC_SIZE_BYTES } from './record-macs.ts';
import type { RecordMacs } from './record-macs.ts';

export const MARK_SIZE_BYTES = 512;
const MAGIC = 'SDMARK_1';
const VERSION = 1;

export interface Mark {
  readonly session: Uint8Array;
  readonly durable: LogPosition;
}

export function encodeMark(mark: Mark, keys: RecordMacs): Uint8Array {
  const writer = new ByteWriter(MARK_SIZE_BYTES)
    .text(MAGIC)
    .u16(VERSION)
    .raw(mark.session)
    .u64(mark.durable.segment)
    .u32(mark.durable.slot)
    .padTo(MARK_SIZE_BYTES - MAC_SIZE_BYTES);
  writer.raw(keys.mac('mark', writer.bytes.subarray(0, writer.position)));
  return writer.bytes;
}

/** Undefined when `copy` is not an authentic mark. */
export function decodeMark(copy: Uint8Array, keys: RecordMacs): Mark | undefined {
  if (copy.length !== MARK_SIZE_BYTES || !keys.isAuthentic('mark', copy)) return undefined;
  const reader = new ByteReader(copy);
  if (reader.text(8) !== MAGIC || reader.u16() !== VERSION) return undefined;
  const mark = { session: reader.raw(16), durable: { segment: reader.u64(), slot: reader.u32() } };
  return reader.overrun ? undefined : mark;
}
