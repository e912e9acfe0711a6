/** Notes: what the log says besides blocks. They fill the 4096 bytes of a slot. Layout in docs/formats/slot.md. */
import { BLOCK_SIZE_BYTES } from '../../base/units.ts';
import { HOLE, ZERO } from './address.ts';
import type { LogPosition } from './address.ts';
import { ByteReader, ByteWriter } from './fixed-bytes.ts';

const HIGH = 2 ** 32;
const NOTE_BEGIN = 1;
const NOTE_RUN = 2;
const NOTE_SUMMARY = 3;

/** Slots that one summary describes. */
export const SUMMARY_SLOTS_MAX = 680;
/** In a summary: a slot that holds a note. */
export const NOT_A_BLOCK = 2 ** 48 - 1;

/** The first slot of every log segment: where the log comes from. */
export interface BeginNote {
  readonly kind: 'begin';
  /** The log segment before this one, its id, and how many of its slots belong to the log; number 0 for the first of a session. */
  readonly previous: { readonly segment: number; readonly id: Uint8Array; readonly slots: number };
  /** How far the log was known to be durable. */
  readonly durable: LogPosition;
}

/** A run of blocks that read as zeroes from here on. */
export interface RunNote {
  readonly kind: 'run';
  readonly marker: typeof HOLE | typeof ZERO;
  readonly firstBlock: number;
  readonly blockCount: number;
}

/** Which blocks consecutive slots of the same segment hold: written when the log leaves the segment. */
export interface SummaryNote {
  readonly kind: 'summary';
  readonly firstSlot: number;
  /** Block numbers, or `NOT_A_BLOCK`. */
  readonly blocks: Float64Array;
}

export type Note = BeginNote | RunNote | SummaryNote;

/** 4096 bytes. */
export function encodeNote(note: Note): Uint8Array {
  const writer = new ByteWriter(BLOCK_SIZE_BYTES);
  if (note.kind === 'begin') {
    writer.u8(NOTE_BEGIN).u64(note.previous.segment).raw(note.previous.id).u32(note.previous.slots);
    writer.u64(note.durable.segment).u32(note.durable.slot);
  } else if (note.kind === 'summary') {
    writer.u8(NOTE_SUMMARY).u32(note.firstSlot).u16(note.blocks.length);
    for (const block of note.blocks) writer.u32(block % HIGH).u16(Math.floor(block / HIGH));
  } else {
    writer.u8(NOTE_RUN).u8(note.marker).u64(note.firstBlock).u64(note.blockCount);
  }
  return writer.bytes;
}

/** Undefined for a note of a kind that this version does not know. */
export function decodeNote(body: Uint8Array): Note | undefined {
  const reader = new ByteReader(body);
  const note = readFields(reader);
  return reader.overrun ? undefined : note;
}

function readFields(reader: ByteReader): Note | undefined {
  const kind = reader.u8();
  if (kind === NOTE_BEGIN)
    return {
      kind: 'begin',
      previous: { segment: reader.u64(), id: reader.raw(16), slots: reader.u32() },
      durable: { segment: reader.u64(), slot: reader.u32() },
    };
  if (kind === NOTE_RUN) {
    const marker = reader.u8() === ZERO ? ZERO : HOLE;
    return { kind: 'run', marker, firstBlock: reader.u64(), blockCount: reader.u64() };
  }
  if (kind === NOTE_SUMMARY) {
    const firstSlot = reader.u32();
    const blocks = new Float64Array(Math.min(reader.u16(), SUMMARY_SLOTS_MAX));
    for (let i = 0; i < blocks.length; i++) blocks[i] = reader.u32() + reader.u16() * HIGH;
    return { kind: 'summary', firstSlot, blocks };
  }
  return undefined;
}
