import { isMarker } from '../format/address.ts';
import type { Address } from '../format/address.ts';
import { blocksBelow, PAGE_ENTRIES } from '../format/map-page.ts';
import type { MapPages } from '../map/map-pages.ts';
import { walkMap } from '../map/map-walk.ts';
import { AddressSet } from './address-set.ts';
import type { Cause, Cost } from './scrub-report.ts';
import { addressIn, pageIn } from './scrubbed-states.ts';
import type { KeptState } from './scrubbed-states.ts';

/** More are not looked up: each is, in every state. */
const REFERENTS_MAX = 20_000;

/** What did not verify. */
export interface Failures {
  readonly slots: Map<Address, { readonly cause: Cause; readonly file: string }>;
  /** Pages of the map of which no copy opens. */
  readonly pages: { readonly address: Address; readonly level: number; readonly index: number }[];
}

export interface CostlyFailure {
  readonly address: Address;
  readonly what: string;
  readonly cause: Cause;
  readonly file: string;
  readonly costs: readonly Cost[];
}

/** Who names a damaged slot: a block, or a page of the map. */
interface Referent {
  readonly address: Address;
  readonly level: number | undefined;
  readonly index: number;
}

/**
 * What the failures cost the states: each map page that is shared is visited once, and only what it names that failed
 * is looked up in every state. A slot that no state names is left out: it was live when it was read, and is no more.
 */
export async function findCosts(
  pages: MapPages,
  states: readonly KeptState[],
  failures: Failures,
  pause: () => Promise<void> | undefined,
): Promise<CostlyFailure[]> {
  const found: CostlyFailure[] = [];
  for (const referent of await findReferents(pages, states, failures, pause)) {
    const failure = failures.slots.get(referent.address);
    if (failure === undefined) continue;
    const { cause, file } = failure;
    const { address, level, index } = referent;
    if (level === undefined) {
      const costs: Cost[] = [];
      for (const state of states)
        if ((await addressIn(pages, state, index)) === address)
          costs.push({ snapshotId: state.snapshotId, firstBlock: index, blockCount: 1 });
      if (costs.length > 0) found.push({ address, what: `block ${index}`, cause, file, costs });
      continue;
    }
    const isLost = failures.pages.some((page) => page.address === address);
    const below = blocksBelow(level);
    const costs: Cost[] = [];
    if (isLost)
      for (const state of states)
        if ((await pageIn(pages, state, level, index)) === address)
          costs.push({ snapshotId: state.snapshotId, firstBlock: index * below, blockCount: below });
    const what = isLost ? `the map page of ${below} blocks` : `one of two copies of the map page of ${below} blocks`;
    found.push({ address, what, cause, file, costs });
  }
  return joined(found);
}

/** Neighbours in the log that are neighbours on the disk are one damage: a missing segment has thousands. */
function joined(found: readonly CostlyFailure[]): CostlyFailure[] {
  const runs: CostlyFailure[] = [];
  let next = 0;
  for (const failure of found) {
    const last = runs.at(-1);
    const [before] = last?.costs ?? [];
    const [cost] = failure.costs;
    const follows =
      last !== undefined &&
      before !== undefined &&
      cost !== undefined &&
      failure.address === next &&
      failure.cause === last.cause &&
      cost.firstBlock === before.firstBlock + before.blockCount &&
      failure.costs.length === last.costs.length &&
      failure.costs.every(({ snapshotId }, i) => snapshotId === last.costs[i]?.snapshotId);
    next = failure.address + 1;
    if (!follows) {
      runs.push(failure);
      continue;
    }
    const costs = last.costs.map((known) => ({ ...known, blockCount: known.blockCount + cost.blockCount }));
    const count = costs[0]?.blockCount ?? 0;
    runs[runs.length - 1] = { ...last, what: `blocks ${before.firstBlock} to ${before.firstBlock + count - 1}`, costs };
  }
  return runs;
}

async function findReferents(
  pages: MapPages,
  states: readonly KeptState[],
  failures: Failures,
  pause: () => Promise<void> | undefined,
): Promise<Referent[]> {
  const referents: Referent[] = [];
  const known = new Set<string>();
  const add = (address: Address, level: number | undefined, index: number): void => {
    if (!failures.slots.has(address)) return;
    const name = `${address} ${level} ${index}`;
    if (known.has(name) || referents.length >= REFERENTS_MAX) return;
    known.add(name);
    referents.push({ address, level, index });
  };
  const seen = new AddressSet();
  for (const state of states) {
    for (const overlay of state.overlays) {
      const { blocks, addresses } = await overlay.sortedPoints();
      for (const [i, address] of addresses.entries()) add(address, undefined, blocks[i] ?? 0);
    }
    const visitor = {
      page: (address: Address, level: number, index: number): boolean => {
        if (!seen.add(address)) return false;
        add(address, level, index);
        // The second copy counts for itself only where the first one opens.
        if (level > 0 && !failures.slots.has(address)) add(address + 1, level, index);
        return true;
      },
      leaf: (entries: Float64Array, index: number): void => {
        for (const [i, address] of entries.entries())
          if (!isMarker(address)) add(address, undefined, index * PAGE_ENTRIES + i);
      },
      lost: (): void => undefined,
    };
    await walkMap(pages, state.root, visitor, pause);
  }
  return referents;
}
