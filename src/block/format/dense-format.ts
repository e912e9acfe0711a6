/** The index of a dense segment file: which slots are there. Layout in docs/formats/dense.md. */
import { createHash } from 'node:crypto';

import { assert } from '../../base/assert.ts';
import { ByteReader, ByteWriter, equalBytes } from './fixed-bytes.ts';
import { SEGMENT_HEADER_REGION_BYTES } from './segment-format.ts';
import { SLOT_SIZE_BYTES, slotsInFile } from './slot-format.ts';
import { bitsIn, SlotSet } from './slot-set.ts';
import { concatCopies, decodeCopies } from './two-copies.ts';

const MAGIC = 'SDDENSE1';
const VERSION = 1;
const BITMAP_SIZE_BYTES = 3_024;
const CHECKSUM_SIZE_BYTES = 32;
/** The first copy ends where the second sector of 4 KiB begins, so that a lost sector costs one of them. */
export const DENSE_INDEX_SIZE_BYTES = 8 + 2 + 2 + 4 + BITMAP_SIZE_BYTES + CHECKSUM_SIZE_BYTES;
export const DENSE_INDEX_AT = SEGMENT_HEADER_REGION_BYTES;
const DENSE_SLOTS_AT = DENSE_INDEX_AT + 2 * DENSE_INDEX_SIZE_BYTES;
/** A segment of more slots has no dense form. */
export const DENSE_CAPACITY_MAX = BITMAP_SIZE_BYTES * 8;

/** Which slots a dense file has, and where. */
export class DenseIndex {
  readonly slots: SlotSet;
  /** How many slots there are before each word of the set. */
  readonly #before: Uint16Array;

  constructor(slots: SlotSet) {
    this.slots = slots;
    this.#before = new Uint16Array(slots.words.length + 1);
    for (const [i, word] of slots.words.entries()) this.#before[i + 1] = (this.#before[i] ?? 0) + bitsIn(word);
  }

  /** How many of the file's slots have a lower number: the place of `slot`, if it is there. */
  placeOf(slot: number): number {
    const at = Math.floor(slot / 32);
    if (at >= this.slots.words.length) return this.slots.count;
    // All bits below the slot's own.
    const below = (this.slots.words[at] ?? 0) & ((1 << (slot % 32)) - 1);
    return (this.#before[at] ?? 0) + bitsIn(below);
  }

  get fileSizeBytes(): number {
    return denseOffset(this.slots.count);
  }
}

/** Byte offset of the slot that is the `place`-th in a dense file, from 0. */
export function denseOffset(place: number): number {
  return DENSE_SLOTS_AT + place * SLOT_SIZE_BYTES;
}

/** How many slots a segment file of this size has, in whichever layout; the sizes of the two never coincide. */
export function storedSlots(sizeBytes: number): number {
  const behindIndex = sizeBytes - DENSE_SLOTS_AT;
  return behindIndex >= 0 && behindIndex % SLOT_SIZE_BYTES === 0
    ? behindIndex / SLOT_SIZE_BYTES
    : slotsInFile(sizeBytes);
}

/** Both copies, as they follow the header. */
export function encodeDenseIndex(slots: SlotSet): Uint8Array {
  assert(slots.words.length * 4 <= BITMAP_SIZE_BYTES, 'a dense segment has few enough slots');
  const writer = new ByteWriter(DENSE_INDEX_SIZE_BYTES).text(MAGIC).u16(VERSION).u16(0).u32(slots.count);
  const bitmapAt = writer.position;
  for (const word of slots.words) writer.u32(word);
  writer.padTo(bitmapAt + BITMAP_SIZE_BYTES);
  writer.raw(checksum(writer.bytes.subarray(0, writer.position)));
  return concatCopies(writer.bytes);
}

export interface DenseRead {
  /** Undefined when the file has the full layout, or neither copy is whole: its slots do not open then. */
  readonly index: DenseIndex | undefined;
  /** A copy that is not what was written, although the other is. */
  readonly damagedCopy: 0 | 1 | undefined;
}

/** @param region the bytes of a segment file behind its header, as many as two copies have. */
export function decodeDenseIndex(region: Uint8Array): DenseRead {
  const { first, second } = decodeCopies(region, decodeCopy);
  const damagedCopy = first === undefined ? 0 : second === undefined ? 1 : undefined;
  const slots = first ?? second;
  if (slots === undefined) return { index: undefined, damagedCopy: undefined };
  return { index: new DenseIndex(slots), damagedCopy };
}

function decodeCopy(copy: Uint8Array): SlotSet | undefined {
  if (copy.length !== DENSE_INDEX_SIZE_BYTES) return undefined;
  const reader = new ByteReader(copy);
  if (reader.text(8) !== MAGIC || reader.u16() !== VERSION || reader.u16() !== 0) return undefined;
  const end = copy.length - CHECKSUM_SIZE_BYTES;
  if (!equalBytes(checksum(copy.subarray(0, end)), copy.subarray(end))) return undefined;
  const count = reader.u32();
  const slots = new SlotSet(DENSE_CAPACITY_MAX);
  for (let at = 0; at < BITMAP_SIZE_BYTES / 4; at++) {
    const word = reader.u32();
    if (word === 0) continue;
    for (let bit = 0; bit < 32; bit++) if ((word & (1 << bit)) !== 0) slots.add(at * 32 + bit);
  }
  return slots.count === count ? slots : undefined;
}

function checksum(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
