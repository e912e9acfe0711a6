import { KiB } from '../base/units.ts';

/** What is looked at as one: a block of most file systems. */
const BLOCK_BYTES = 4 * KiB;
/** A hole chunk inside a reply must save more than the chunks around it cost. */
const RUN_BYTES_MIN = 32 * KiB;
const ZEROES = Buffer.alloc(BLOCK_BYTES);

export interface Run {
  readonly at: number;
  readonly end: number;
  readonly zero: boolean;
}

/**
 * Where `data`, which lies at `offset` of an export, is zero in whole blocks for 32 KiB or longer, or is nothing but
 * zeroes: runs without gaps that cover it. Undefined when there is no such place.
 * Data costs a look at one byte of each block, unless that byte is zero.
 */
export function zeroRuns(data: Uint8Array, offset: number): Run[] | undefined {
  let runs: Run[] | undefined;
  let covered = 0;
  let at = 0;
  while (at < data.length) {
    let end = blockEnd(data, offset, at);
    if (isZero(data, at, end)) {
      while (end < data.length) {
        const next = blockEnd(data, offset, end);
        if (!isZero(data, end, next)) break;
        end = next;
      }
      if (end - at >= RUN_BYTES_MIN || end - at === data.length) {
        runs ??= [];
        if (at > covered) runs.push({ at: covered, end: at, zero: false });
        runs.push({ at, end, zero: true });
        covered = end;
      }
    }
    at = end;
  }
  if (runs !== undefined && covered < data.length) runs.push({ at: covered, end: data.length, zero: false });
  return runs;
}

/** Nothing but zeroes. */
export function isZeroes(data: Uint8Array): boolean {
  for (let at = 0; at < data.length; at += BLOCK_BYTES) {
    if (!isZero(data, at, Math.min(at + BLOCK_BYTES, data.length))) return false;
  }
  return true;
}

/** Where the export's block that `at` lies in ends, or `data` does. */
function blockEnd(data: Uint8Array, offset: number, at: number): number {
  return Math.min(at + BLOCK_BYTES - ((offset + at) % BLOCK_BYTES), data.length);
}

function isZero(data: Uint8Array, at: number, end: number): boolean {
  return data[at] === 0 && ZEROES.compare(data, at, end, 0, end - at) === 0;
}
