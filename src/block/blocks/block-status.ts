import { BLOCK_SIZE_BYTES } from '../../base/units.ts';
import { DAMAGED, HOLE, isMarker } from '../format/address.ts';
import type { Address } from '../format/address.ts';
import { PAGE_ENTRIES } from '../format/map-page.ts';
import type { BlockResolver } from './block-resolver.ts';
import type { ReadableState } from './readable-state.ts';

/** A range of a disk and what it consists of. Source: NBD proto.md, "base:allocation metadata context". */
export interface Extent {
  readonly lengthBytes: number;
  readonly hole: boolean;
  readonly zero: boolean;
}

/** An answer is short rather than slow: a client asks again from where it ends. */
const EXTENTS_MAX = 1_024;
const STEPS_MAX = 4_096;

/** What blocks count as for a client: a hole, zeroes that are allocated, or data. */
type Kind = 'hole' | 'zero' | 'data';

function kindOf(address: Address): Kind {
  if (!isMarker(address) || address === DAMAGED) return 'data';
  return address === HOLE ? 'hole' : 'zero';
}

/** Extents from `offset` on, at most up to `offset + length`, at least one. */
export async function blockStatus(
  state: ReadableState,
  resolver: BlockResolver,
  offset: number,
  length: number,
): Promise<readonly Extent[]> {
  const extents: { kind: Kind; end: number }[] = [];
  const end = Math.ceil((offset + length) / BLOCK_SIZE_BYTES);
  const add = (address: Address, upTo: number): void => {
    const kind = kindOf(address);
    const last = extents.at(-1);
    if (last?.kind === kind) last.end = upTo;
    else extents.push({ kind, end: upTo });
  };
  let block = Math.floor(offset / BLOCK_SIZE_BYTES);
  for (let step = 0; block < end && step < STEPS_MAX && extents.length < EXTENTS_MAX; step++) {
    const run = await emptyRun(state, block, end);
    if (run !== undefined) {
      add(run.marker, run.end);
      block = run.end;
      continue;
    }
    const stop = Math.min(end, (Math.floor(block / PAGE_ENTRIES) + 1) * PAGE_ENTRIES);
    const addresses = await resolver.resolve(block, stop - block);
    for (const [i, address] of addresses.entries()) add(address, block + i + 1);
    block = stop;
  }
  let from = offset;
  return extents.map(({ kind, end: upTo }) => {
    const to = Math.min(upTo * BLOCK_SIZE_BYTES, offset + length);
    const lengthBytes = to - from;
    from = to;
    return { lengthBytes, hole: kind === 'hole', zero: kind !== 'data' };
  });
}

/** The blocks from `block` on that one run of an overlay covers, or one marker of the map; whole leaves at a time. */
async function emptyRun(
  state: ReadableState,
  block: number,
  end: number,
): Promise<{ readonly marker: Address; readonly end: number } | undefined> {
  const leaf = Math.floor(block / PAGE_ENTRIES);
  const covered = coveredLeaves(state, leaf, Math.ceil(end / PAGE_ENTRIES));
  if (covered !== undefined) return { marker: covered.marker, end: Math.min(end, covered.end * PAGE_ENTRIES) };
  const { root } = state;
  const run = await state.pages.markerRun(root, leaf);
  if (run === undefined || root !== state.root) return undefined;
  const limit = Math.min(leaf + run.leaves, Math.ceil(end / PAGE_ENTRIES));
  const changed = state.overlay.nextLeaf(leaf, limit);
  const leafEnd = state.frozen === undefined ? changed : Math.min(changed, state.frozen.nextLeaf(leaf, limit));
  return leafEnd > leaf ? { marker: run.marker, end: Math.min(end, leafEnd * PAGE_ENTRIES) } : undefined;
}

/** By the newest layer that says anything about the first leaf. */
function coveredLeaves(
  { overlay, frozen }: ReadableState,
  leaf: number,
  limit: number,
): { readonly marker: Address; readonly end: number } | undefined {
  return overlay.coveredLeaves(leaf, limit) ?? frozen?.coveredLeaves(leaf, overlay.nextLeaf(leaf, limit));
}
