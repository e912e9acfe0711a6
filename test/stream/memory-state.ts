/** A state of a disk in memory: per block a hole, zeroes, or a tag that stands for its bytes. */
import { BLOCK_SIZE_BYTES } from '../../src/base/units.ts';
import type { StreamChange } from '../../src/stream/stream-records.ts';
import type { StateToSend } from '../../src/stream/stream-layout.ts';

export const HOLE = 0;
export const ZERO = 1;

export type Blocks = readonly number[];

/** The bytes that a tag stands for. */
export function bytesOf(tag: number): Uint8Array {
  const block = new Uint8Array(BLOCK_SIZE_BYTES);
  if (tag > ZERO) for (let i = 0; i < block.length; i++) block[i] = (tag * 31 + i * 7) % 251;
  return block;
}

/** @param longest extents of one answer. */
export function memoryState(blocks: Blocks, base?: Blocks, longest = 7): StateToSend {
  const kindOf = (tag: number | undefined): number => Math.min(tag ?? HOLE, 2);
  const extents = <T>(
    offset: number,
    length: number,
    of: (block: number) => T,
  ): { lengthBytes: number; value: T }[] => {
    const found: { lengthBytes: number; value: T }[] = [];
    for (let at = offset; at < offset + length;) {
      const block = Math.floor(at / BLOCK_SIZE_BYTES);
      const end = Math.min(offset + length, (block + 1) * BLOCK_SIZE_BYTES);
      const last = found.at(-1);
      if (last?.value === of(block)) last.lengthBytes += end - at;
      else if (found.length === longest) break;
      else found.push({ lengthBytes: end - at, value: of(block) });
      at = end;
    }
    return found;
  };
  return {
    sizeBytes: blocks.length * BLOCK_SIZE_BYTES,
    read: async (offset, length) => {
      const out = new Uint8Array(length);
      for (let at = 0; at < length;) {
        const block = Math.floor((offset + at) / BLOCK_SIZE_BYTES);
        const piece = bytesOf(blocks[block] ?? HOLE).subarray((offset + at) % BLOCK_SIZE_BYTES);
        out.set(piece.subarray(0, length - at), at);
        at += piece.length;
      }
      return out;
    },
    blockStatus: async (offset, length) =>
      extents(offset, length, (block) => kindOf(blocks[block])).map(({ lengthBytes, value }) => ({
        lengthBytes,
        hole: value === HOLE,
        zero: value !== 2,
      })),
    ...(base !== undefined && {
      changedSinceBase: async (offset: number, length: number) =>
        extents(offset, length, (block) => blocks[block] !== (base[block] ?? HOLE)).map(({ lengthBytes, value }) => ({
          lengthBytes,
          dirty: value,
        })),
    }),
  };
}

/** Carries out a change on blocks whose tags are told by their bytes. */
export function applyTo(blocks: number[], change: StreamChange, tagOf: (bytes: Uint8Array) => number): void {
  if (change.kind === 'data') {
    for (let i = 0; i * BLOCK_SIZE_BYTES < change.data.length; i++)
      blocks[change.block + i] = tagOf(change.data.subarray(i * BLOCK_SIZE_BYTES, (i + 1) * BLOCK_SIZE_BYTES));
  } else blocks.fill(change.kind === 'hole' ? HOLE : ZERO, change.block, change.block + change.blocks);
}
