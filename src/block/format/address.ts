import { assert } from '../../base/assert.ts';

/**
 * Where a slot is, for ever: segment number and slot in one number, as map pages hold it.
 * Plain arithmetic throughout: a bitwise operator would cut addresses and block numbers to 32 bits.
 */
export type Address = number;

/** A block that was never written, or was trimmed. */
export const HOLE = 0;
/** A block that reads as zeroes but counts as allocated (written as zeroes with "no hole"). */
export const ZERO = 1;
/** A block whose address was lost with a damaged page of the map: cannot be read until it is written again. */
export const DAMAGED = 2;

/** Slots of a segment need 20 bits at most, which leaves 2^33 segment numbers below 2^53. */
const SLOTS_PER_NUMBER = 2 ** 20;
export const SEGMENT_SLOTS_MAX = SLOTS_PER_NUMBER - 1;
export const SEGMENT_NUMBER_MAX = 2 ** 33 - 1;

/** @param segment at least 1. */
export function addressOf(segment: number, slot: number): Address {
  assert(segment >= 1 && segment <= SEGMENT_NUMBER_MAX && slot <= SEGMENT_SLOTS_MAX, 'a slot address is in range');
  return segment * SLOTS_PER_NUMBER + slot;
}

export function segmentOf(address: Address): number {
  return Math.floor(address / SLOTS_PER_NUMBER);
}

export function slotOf(address: Address): number {
  return address % SLOTS_PER_NUMBER;
}

/** True for the three values that name no slot. */
export function isMarker(address: Address): boolean {
  return address <= DAMAGED;
}

/** A place in the log: everything before `slot` of `segment`, and every log segment before that. */
export interface LogPosition {
  readonly segment: number;
  readonly slot: number;
}

export function isBefore(a: LogPosition, b: LogPosition): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.slot < b.slot);
}
