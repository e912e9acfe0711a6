import { BLOCK_SIZE_BYTES } from '../../base/units.ts';
import { HOLE, isMarker } from '../format/address.ts';
import type { Address } from '../format/address.ts';
import { blocksBelow, PAGE_ENTRIES, ROOT_LEVEL, uniformPage } from '../format/map-page.ts';
import type { MapEntries } from '../format/map-page.ts';
import { SLOT_SIZE_BYTES } from '../format/slot-format.ts';
import type { MapPages } from '../map/map-pages.ts';
import type { Overlay } from '../map/overlay.ts';
import { Slices } from './slices.ts';

/** What one state of a disk takes: the disk as it is (empty `snapshotId`), or a snapshot. */
export interface StateUsage {
  readonly snapshotId: string;
  /** Of its blocks that hold data, 4,096 bytes each. Holes and zeroes that were written as such take none. */
  readonly allocatedBytes: number;
  /** Of these, the ones that no other state of the disk reaches. What is not exclusive is shared. */
  readonly exclusiveBytes: number;
  /** The same as stored: the slots of those blocks and of the pages of the map, 4,128 bytes each. */
  readonly storedBytes: number;
  readonly exclusiveStoredBytes: number;
}

export interface DiskUsage {
  readonly states: readonly StateUsage[];
  /** Every slot that any state reaches, once. */
  readonly storedBytes: number;
}

/** A state at one moment. What it names may be read through `pages`. */
export interface CountedState {
  readonly snapshotId: string;
  readonly root: Address;
  /** Newer than the map, the newest first. */
  readonly overlays: readonly Overlay[];
  readonly pages: MapPages;
}

/** States that have the same page at one place of the map. */
interface Group {
  readonly address: Address;
  /** Indices of states. */
  readonly states: readonly number[];
  readonly pages: MapPages;
  /** What overlays know below the page; such a group has one state. */
  readonly overlays: readonly Overlay[];
}

/** How often a part is counted again because the disk went on to another map meanwhile. */
const ATTEMPTS_MAX = 4;
const CHUNK_LEVEL = 1;

/**
 * Counts, for every state of a disk, what it reaches and what no other one does. Each page of the maps is visited once,
 * however many states share it, so that many snapshots cost their differences. Exact for a disk at rest; of one that is
 * written meanwhile, each part of 1 GiB is as it was at one moment.
 *
 * @param now the states as they are at the call, always in the same order.
 */
export async function countUsage(now: () => readonly CountedState[], blockCount: number): Promise<DiskUsage> {
  const names = now().map(({ snapshotId }) => snapshotId);
  const total = new Tally(names.length);
  const slices = new Slices();
  const chunks = Math.ceil(blockCount / blocksBelow(CHUNK_LEVEL));
  for (let chunk = 0; chunk < chunks;) {
    for (let attempt = 1; ; attempt++) {
      const states = now();
      const tally = new Tally(names.length);
      const next = await new Count(states, tally, slices).chunk(chunk);
      const stayed = now().every(({ root }, i) => root === states[i]?.root);
      if (!stayed && attempt < ATTEMPTS_MAX) continue;
      total.add(tally);
      chunk = next;
      break;
    }
  }
  return total.usage(names);
}

/** Numbers of blocks and slots, by state. */
class Tally {
  readonly blocks: Float64Array;
  readonly exclusiveBlocks: Float64Array;
  readonly pageSlots: Float64Array;
  readonly exclusivePageSlots: Float64Array;
  distinctSlots = 0;

  constructor(states: number) {
    this.blocks = new Float64Array(states);
    this.exclusiveBlocks = new Float64Array(states);
    this.pageSlots = new Float64Array(states);
    this.exclusivePageSlots = new Float64Array(states);
  }

  addBlocks(states: readonly number[], blocks: number): void {
    for (const state of states) this.blocks[state] = (this.blocks[state] ?? 0) + blocks;
  }

  addPages(states: readonly number[], slots: number): void {
    for (const state of states) this.pageSlots[state] = (this.pageSlots[state] ?? 0) + slots;
    this.distinctSlots += slots;
    const [only, ...others] = states;
    if (only !== undefined && others.length === 0)
      this.exclusivePageSlots[only] = (this.exclusivePageSlots[only] ?? 0) + slots;
  }

  addExclusiveBlocks(state: number, blocks: number): void {
    this.exclusiveBlocks[state] = (this.exclusiveBlocks[state] ?? 0) + blocks;
  }

  add(other: Tally): void {
    for (let state = 0; state < this.blocks.length; state++) {
      this.addBlocks([state], other.blocks[state] ?? 0);
      this.addExclusiveBlocks(state, other.exclusiveBlocks[state] ?? 0);
      this.pageSlots[state] = (this.pageSlots[state] ?? 0) + (other.pageSlots[state] ?? 0);
      this.exclusivePageSlots[state] = (this.exclusivePageSlots[state] ?? 0) + (other.exclusivePageSlots[state] ?? 0);
    }
    this.distinctSlots += other.distinctSlots;
  }

  usage(names: readonly string[]): DiskUsage {
    const states = names.map((snapshotId, i) => {
      const [blocks, exclusive] = [this.blocks[i] ?? 0, this.exclusiveBlocks[i] ?? 0];
      return {
        snapshotId,
        allocatedBytes: blocks * BLOCK_SIZE_BYTES,
        exclusiveBytes: exclusive * BLOCK_SIZE_BYTES,
        storedBytes: (blocks + (this.pageSlots[i] ?? 0)) * SLOT_SIZE_BYTES,
        exclusiveStoredBytes: (exclusive + (this.exclusivePageSlots[i] ?? 0)) * SLOT_SIZE_BYTES,
      };
    });
    return { states, storedBytes: this.distinctSlots * SLOT_SIZE_BYTES };
  }
}

/** One walk over all states at the same time, place by place. */
class Count {
  readonly #states: readonly CountedState[];
  readonly #tally: Tally;
  readonly #slices: Slices;

  constructor(states: readonly CountedState[], tally: Tally, slices: Slices) {
    this.#states = states;
    this.#tally = tally;
    this.#slices = slices;
  }

  /** Counts the blocks of one part of the disk, and the pages above it at its first part. Answers where the next one begins. */
  async chunk(chunk: number): Promise<number> {
    const leaf = chunk * PAGE_ENTRIES;
    let groups: readonly Group[] = this.#states.map(({ root, overlays, pages }, i) => ({
      address: root,
      states: [i],
      pages,
      overlays,
    }));
    for (let level = ROOT_LEVEL; level > CHUNK_LEVEL; level--) {
      const span = PAGE_ENTRIES ** (level - CHUNK_LEVEL);
      const end = chunk - (chunk % span) + span;
      if (groups.every(({ address }) => isMarker(address))) {
        const next = Math.floor(nextTouched(groups, leaf, end * PAGE_ENTRIES) / PAGE_ENTRIES);
        if (next > chunk) return next;
      }
      if (chunk % span === 0) this.#countPages(level, groups);
      groups = await Promise.all(
        groups.map(async (group) => ({ ...group, address: await group.pages.child(group.address, level, leaf) })),
      );
    }
    await this.#visit(CHUNK_LEVEL, chunk, merged(groups, CHUNK_LEVEL, chunk));
    return chunk + 1;
  }

  /** A page that several states have is one page, also when something newer lies below it in one of them. */
  #countPages(level: number, groups: readonly Group[]): void {
    const byAddress = new Map<Address, number[]>();
    for (const { address, states } of groups) {
      if (isMarker(address)) continue;
      const known = byAddress.get(address);
      if (known === undefined) byAddress.set(address, [...states]);
      else known.push(...states);
    }
    for (const states of byAddress.values()) this.#tally.addPages(states, level === 0 ? 1 : 2);
  }

  async #visit(level: number, index: number, groups: readonly Group[]): Promise<void> {
    if (groups.every(({ address, overlays }) => isMarker(address) && overlays.length === 0)) return;
    const [only, ...others] = groups;
    if (only === undefined) return;
    if (others.length === 0 && only.overlays.length === 0) {
      await this.#visitShared(level, index, only);
      return;
    }
    const entries: MapEntries[] = [];
    for (const group of groups) entries.push(await this.#entries(level, index, group));
    this.#countPages(level, groups);
    await this.#slices.step(groups.length);
    if (level === 0) {
      this.#countLeaf(groups, entries);
      return;
    }
    const isTouched = groups.some(({ overlays }) => overlays.length > 0);
    for (let child = 0; child < PAGE_ENTRIES; child++) {
      const address = entries[0]?.[child] ?? HOLE;
      // As in most places, spare the work below: nothing is there in any state.
      if (!isTouched && isMarker(address) && entries.every((page) => page[child] === address)) continue;
      const below = groups.map((group, i) => ({ ...group, address: entries[i]?.[child] ?? HOLE }));
      const childIndex = index * PAGE_ENTRIES + child;
      await this.#visit(level - 1, childIndex, merged(below, level - 1, childIndex));
      await this.#slices.step(groups.length / 64);
    }
  }

  /** Everything below a page that all these states have in common. */
  async #visitShared(level: number, index: number, group: Group): Promise<void> {
    if (isMarker(group.address)) return;
    const entries = await this.#entries(level, index, group);
    this.#tally.addPages(group.states, level === 0 ? 1 : 2);
    await this.#slices.step();
    if (level === 0) {
      const blocks = entries.reduce((sum, address) => (isMarker(address) ? sum : sum + 1), 0);
      this.#tally.addBlocks(group.states, blocks);
      this.#tally.distinctSlots += blocks;
      const [only, ...others] = group.states;
      if (only !== undefined && others.length === 0) this.#tally.addExclusiveBlocks(only, blocks);
      return;
    }
    for (const [child, address] of entries.entries())
      if (!isMarker(address)) await this.#visitShared(level - 1, index * PAGE_ENTRIES + child, { ...group, address });
  }

  async #entries(level: number, index: number, { address, pages, overlays }: Group): Promise<MapEntries> {
    const page = isMarker(address) ? uniformPage(address) : await pages.loadOrDamaged(address, level, index);
    if (level > 0 || overlays.length === 0) return page;
    const first = index * PAGE_ENTRIES;
    return page.map((below, i) => {
      for (const overlay of overlays) {
        const known = overlay.get(first + i);
        if (known !== undefined) return known;
      }
      return below;
    });
  }

  #countLeaf(groups: readonly Group[], entries: readonly MapEntries[]): void {
    const blocks = new Float64Array(groups.length);
    const owners = new Map<Address, { states: number; last: number }>();
    for (let i = 0; i < PAGE_ENTRIES; i++) {
      owners.clear();
      for (const [g, group] of groups.entries()) {
        const address = entries[g]?.[i] ?? HOLE;
        if (isMarker(address)) continue;
        blocks[g] = (blocks[g] ?? 0) + 1;
        const states = (owners.get(address)?.states ?? 0) + group.states.length;
        owners.set(address, { states, last: group.states[0] ?? 0 });
      }
      this.#tally.distinctSlots += owners.size;
      for (const { states, last } of owners.values()) if (states === 1) this.#tally.addExclusiveBlocks(last, 1);
    }
    for (const [g, { states }] of groups.entries()) this.#tally.addBlocks(states, blocks[g] ?? 0);
  }
}

/** The first leaf from `leaf` on of which an overlay knows something, at most `limit`. */
function nextTouched(groups: readonly Group[], leaf: number, limit: number): number {
  let next = limit;
  for (const { overlays } of groups) for (const overlay of overlays) next = overlay.nextLeaf(leaf, next);
  return next;
}

/** States that name the same page become one group, unless something newer than the map lies below it. */
function merged(groups: readonly Group[], level: number, index: number): Group[] {
  const leaves = blocksBelow(level) / PAGE_ENTRIES;
  const [first, end] = [index * leaves, (index + 1) * leaves];
  const byAddress = new Map<Address, { address: Address; states: number[]; pages: MapPages; overlays: [] }>();
  const touched: Group[] = [];
  for (const group of groups) {
    const overlays = group.overlays.filter((overlay) => overlay.nextLeaf(first, end) < end);
    if (overlays.length > 0) {
      touched.push({ ...group, overlays });
      continue;
    }
    const known = byAddress.get(group.address);
    if (known !== undefined) known.states.push(...group.states);
    else byAddress.set(group.address, { ...group, states: [...group.states], overlays: [] });
  }
  return [...byAddress.values(), ...touched];
}
