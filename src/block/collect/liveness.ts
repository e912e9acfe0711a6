import type { Logger } from '../../base/log.ts';
import { corrupt } from '../files/io-errors.ts';
import { isMarker, segmentOf, slotOf } from '../format/address.ts';
import type { Address } from '../format/address.ts';
import { toHex } from '../format/fixed-bytes.ts';
import { PAGE_ENTRIES, ROOT_LEVEL } from '../format/map-page.ts';
import type { MapEntries } from '../format/map-page.ts';
import { SlotSet } from '../format/slot-set.ts';
import type { SegmentEntry, SegmentTable } from '../format/table-format.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';
import { MapPages } from '../map/map-pages.ts';
import type { SegmentStore } from '../segments/segment-store.ts';
import type { Background } from './background.ts';

/** Leaves that are read at the same time when they are not in memory. */
const LEAVES_AT_ONCE = 32;
/** Opening a leaf and marking what it names takes about as long as copying so many slots. */
const LEAF_COST_SLOTS = 4;
const SLOTS_PER_NUMBER = 2 ** 20;

/** A segment that some state names, and which of its slots any of the marked states can reach. */
export interface MarkedSegment {
  readonly entry: SegmentEntry;
  readonly name: string;
  readonly live: SlotSet;
}

/** What a state is reached through. */
interface State {
  readonly store: SegmentStore;
  readonly pages: MapPages;
}

/**
 * Finds out which slots are live by walking over the maps of all states, each page once however many states share it.
 * Memory: 2 KiB for each segment that has a live slot (of 16,256), and one leaf at a time; 32 MiB for a disk of 1 TiB that
 * was written once, ten times that after long random overwriting, when each number has few slots left.
 */
export class Liveness {
  readonly segments = new Map<string, MarkedSegment>();
  readonly #byNumber = new Map<number, SlotSet>();
  readonly #capacity: number;
  readonly #keys: DiskKeys;
  readonly #log: Logger;
  readonly #background: Background;

  constructor(parts: {
    readonly capacity: number;
    readonly keys: DiskKeys;
    readonly log: Logger;
    readonly background: Background;
  }) {
    this.#capacity = parts.capacity;
    this.#keys = parts.keys;
    this.#log = parts.log;
    this.#background = parts.background;
  }

  /**
   * The newest state, to be marked first.
   * @param entries the segments that it had when it had this root. Answers those that it does not reach.
   */
  async markHead(state: State, root: Address, entries: readonly SegmentEntry[]): Promise<ReadonlySet<SegmentEntry>> {
    await this.#mark(state, root, entries);
    const unreached = new Set<SegmentEntry>();
    for (const { entry, live } of this.segments.values()) if (live.count === 0) unreached.add(entry);
    return unreached;
  }

  /** @param beside a store of the same directory. */
  async markSnapshot(table: SegmentTable, beside: SegmentStore): Promise<void> {
    const store = beside.sibling();
    try {
      for (const entry of table.segments) store.put(entry);
      const pages = new MapPages({ store, keys: this.#keys, log: this.#log, pagesMax: 0 });
      await this.#mark({ store, pages }, table.root, table.segments);
    } finally {
      store.close();
    }
  }

  async #mark(state: State, root: Address, entries: readonly SegmentEntry[]): Promise<void> {
    const byNumber = new Map<number, MarkedSegment>();
    for (const entry of entries) {
      const name = toHex(entry.id);
      let segment = this.segments.get(name);
      if (segment === undefined) {
        // While segments are sealed anew, states name two files for one number. Pages that they share are visited once,
        // so that what one of them reaches has to count for both.
        const live = this.#byNumber.get(entry.number) ?? new SlotSet(0);
        this.#byNumber.set(entry.number, live);
        segment = { entry, name, live };
        this.segments.set(name, segment);
      }
      byNumber.set(entry.number, segment);
    }
    await new Walk(state.pages, byNumber, this.#capacity, this.#background).page(root, ROOT_LEVEL, 0);
  }
}

class Walk {
  readonly #pages: MapPages;
  readonly #byNumber: ReadonlyMap<number, MarkedSegment>;
  readonly #capacity: number;
  readonly #background: Background;

  constructor(pages: MapPages, byNumber: ReadonlyMap<number, MarkedSegment>, capacity: number, background: Background) {
    this.#pages = pages;
    this.#byNumber = byNumber;
    this.#capacity = capacity;
    this.#background = background;
  }

  async page(address: Address, level: number, index: number): Promise<void> {
    if (isMarker(address) || !this.#claim(address, level)) return;
    const entries = await this.#pages.once(address, level, index);
    if (level === 0) {
      this.#markLeaf(entries);
      return;
    }
    if (level === 1) {
      await this.#leaves(entries, index);
      return;
    }
    for (let child = 0; child < PAGE_ENTRIES; child++)
      await this.page(entries[child] ?? 0, level - 1, index * PAGE_ENTRIES + child);
  }

  async #leaves(parent: MapEntries, index: number): Promise<void> {
    let reading: Promise<void>[] = [];
    try {
      for (let child = 0; child < PAGE_ENTRIES; child++) {
        const address = parent[child] ?? 0;
        if (isMarker(address) || !this.#claim(address, 0)) continue;
        const entries = this.#pages.once(address, 0, index * PAGE_ENTRIES + child);
        if (entries instanceof Promise) reading.push(entries.then((read) => this.#markLeaf(read)));
        else this.#markLeaf(entries);
        if (reading.length >= LEAVES_AT_ONCE) {
          await Promise.all(reading);
          reading = [];
        }
        const rest = reading.length === 0 ? this.#background.step(LEAF_COST_SLOTS) : undefined;
        if (rest !== undefined) await rest;
      }
      await Promise.all(reading);
    } finally {
      // Nothing reads on behind a walk that failed.
      await Promise.allSettled(reading);
    }
  }

  /** Marks the slots of a page; false when it was visited before, whichever state led there. */
  #claim(address: Address, level: number): boolean {
    const number = segmentOf(address);
    const segment = this.#byNumber.get(number);
    if (segment === undefined) throw corrupt('SEGMENT_UNKNOWN', `segment ${number} is not in the disk's segment table`);
    const isNew = this.#add(segment, slotOf(address));
    // Pages above the leaves have a second copy.
    if (level > 0) this.#add(segment, slotOf(address) + 1);
    return isNew;
  }

  #markLeaf(entries: MapEntries): void {
    let number = 0;
    let segment: MarkedSegment | undefined;
    for (let i = 0; i < PAGE_ENTRIES; i++) {
      const address = entries[i] ?? 0;
      if (isMarker(address)) continue;
      const of = Math.floor(address / SLOTS_PER_NUMBER);
      if (of !== number) {
        number = of;
        segment = this.#byNumber.get(of);
      }
      if (segment !== undefined) this.#add(segment, address - of * SLOTS_PER_NUMBER);
    }
  }

  #add({ live }: MarkedSegment, slot: number): boolean {
    if (live.words.length === 0) live.reserve(this.#capacity);
    return live.add(slot);
  }
}
