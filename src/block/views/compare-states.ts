import { BLOCK_SIZE_BYTES } from '../../base/units.ts';
import { BlockResolver } from '../blocks/block-resolver.ts';
import type { ReadableState } from '../blocks/readable-state.ts';
import { DAMAGED, isMarker, segmentOf } from '../format/address.ts';
import type { Address } from '../format/address.ts';
import { equalBytes } from '../format/fixed-bytes.ts';
import { blocksBelow, PAGE_ENTRIES, ROOT_LEVEL } from '../format/map-page.ts';
import { Slices } from './slices.ts';

/** A range of a disk, and whether it differs from an older state. */
export interface ChangedExtent {
  readonly lengthBytes: number;
  readonly dirty: boolean;
}

/** An answer is short rather than slow: a caller asks again from where it ends. */
const EXTENTS_MAX = 1_024;
const STEPS_MAX = 4_096;

/**
 * What differs between two states of a disk, or between a clone and a snapshot of the disk that it was made from:
 * extents from `offset` on, in order, without gaps, at least one; they may end before `offset + length`.
 *
 * Addresses are compared, not bytes: a slot is sealed once, so that the same address means the same bytes. A block that
 * was written again with what it held, or trimmed, counts as changed; so does one of which a map page is lost. Pages at
 * the same address are equal with all that lies below them, and are not visited.
 */
export async function changedBetween(
  base: ReadableState,
  state: ReadableState,
  offset: number,
  length: number,
): Promise<readonly ChangedExtent[]> {
  const isSame = comparisonOf(base, state);
  const [before, after] = [new BlockResolver(base), new BlockResolver(state)];
  const slices = new Slices();
  const extents: { dirty: boolean; end: number }[] = [];
  const add = (dirty: boolean, upTo: number): void => {
    const last = extents.at(-1);
    if (last?.dirty === dirty) last.end = upTo;
    else extents.push({ dirty, end: upTo });
  };
  const end = Math.ceil((offset + length) / BLOCK_SIZE_BYTES);
  let block = Math.floor(offset / BLOCK_SIZE_BYTES);
  for (let step = 0; block < end && step < STEPS_MAX && extents.length < EXTENTS_MAX; step++) {
    const leaf = Math.floor(block / PAGE_ENTRIES);
    const equal = await equalLeaves(base, state, isSame, leaf);
    const stop = Math.min(end, (leaf + Math.max(1, equal)) * PAGE_ENTRIES);
    if (equal > 0) add(false, stop);
    else {
      const old = await before.resolve(block, stop - block);
      const now = await after.resolve(block, stop - block);
      for (const [i, address] of now.entries()) add(!isSame(old[i] ?? 0, address), block + i + 1);
    }
    block = stop;
    await slices.step();
  }
  let from = offset;
  return extents.map(({ dirty, end: upTo }) => {
    const to = Math.min(upTo * BLOCK_SIZE_BYTES, offset + length);
    const lengthBytes = to - from;
    from = to;
    return { lengthBytes, dirty };
  });
}

type Comparison = (a: Address, b: Address) => boolean;

/**
 * States of one disk number their segments once and for all. A clone goes on with the numbers of its snapshot, and so
 * does the disk that it came from: there, the same number may name two segments, which have different ids.
 */
function comparisonOf(base: ReadableState, state: ReadableState): Comparison {
  const isSame: Comparison = (a, b) => a === b && a !== DAMAGED;
  if (base.head.diskId === state.head.diskId) return isSame;
  return (a, b) => {
    if (!isSame(a, b) || isMarker(a)) return isSame(a, b);
    const [one, two] = [base.store.find(segmentOf(a)), state.store.find(segmentOf(b))];
    return one !== undefined && two !== undefined && equalBytes(one.id, two.id);
  };
}

/** How many leaves from `leaf` on are surely equal in both states, as far as one page of the map tells. */
async function equalLeaves(
  base: ReadableState,
  state: ReadableState,
  isSame: Comparison,
  leaf: number,
): Promise<number> {
  for (;;) {
    const roots = [base.root, state.root] as const;
    const level = await commonLevel(base, state, isSame, leaf);
    // A checkpoint that ended while a page was read has moved what the overlays knew into another map.
    if (base.root !== roots[0] || state.root !== roots[1]) continue;
    if (level === undefined) return 0;
    const span = blocksBelow(level) / PAGE_ENTRIES;
    const limit = leaf - (leaf % span) + span;
    return Math.min(unchangedUpTo(base, leaf, limit), unchangedUpTo(state, leaf, limit)) - leaf;
  }
}

/** The highest level on which both maps name the same page, or the same marker, for what lies around `leaf`. */
async function commonLevel(
  base: ReadableState,
  state: ReadableState,
  isSame: Comparison,
  leaf: number,
): Promise<number | undefined> {
  let [a, b] = [base.root, state.root];
  for (let level = ROOT_LEVEL; ; level--) {
    if (isSame(a, b)) return level;
    if (level === 0) return undefined;
    [a, b] = [await base.pages.child(a, level, leaf), await state.pages.child(b, level, leaf)];
  }
}

/** The first leaf from `leaf` on of which an overlay knows something newer than the map. */
function unchangedUpTo({ overlay, frozen }: ReadableState, leaf: number, limit: number): number {
  const changed = overlay.nextLeaf(leaf, limit);
  return frozen === undefined ? changed : Math.min(changed, frozen.nextLeaf(leaf, limit));
}
