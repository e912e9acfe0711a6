import { SystemError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { BLOCK_SIZE_BYTES } from '../../base/units.ts';
import { corrupt } from '../files/io-errors.ts';
import { DAMAGED, isMarker, segmentOf, slotOf } from '../format/address.ts';
import type { Address } from '../format/address.ts';
import { blocksBelow, decodeMapPage, PAGE_ENTRIES, ROOT_LEVEL, uniformPage } from '../format/map-page.ts';
import type { MapEntries } from '../format/map-page.ts';
import { openSlot, SLOT_MAP, SLOT_SIZE_BYTES } from '../format/slot-format.ts';
import type { SegmentEntry } from '../format/table-format.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';
import type { SegmentStore } from '../segments/segment-store.ts';

/**
 * Reads pages of the map when they are needed and keeps the most recently used ones. Pages are cached by address, and
 * an address never changes its content, so that nothing here is ever stale.
 */
export class MapPages {
  readonly #store: SegmentStore;
  readonly #keys: DiskKeys;
  readonly #log: Logger;
  readonly #pagesMax: number;
  readonly #lookAgain: (() => Promise<void>) | undefined;
  readonly #pages = new Map<Address, MapEntries>();
  readonly #loading = new Map<Address, Promise<MapEntries>>();
  /** Of the page that is being opened at once. */
  readonly #body = new Uint8Array(BLOCK_SIZE_BYTES);
  /** Pages whose loss is in the log already. */
  readonly #damaged = new Set<Address>();

  constructor(parts: {
    readonly store: SegmentStore;
    readonly keys: DiskKeys;
    readonly log: Logger;
    readonly pagesMax: number;
    /** Called before a page is given up that could not be read. */
    readonly lookAgain?: () => Promise<void>;
  }) {
    this.#store = parts.store;
    this.#keys = parts.keys;
    this.#log = parts.log;
    this.#pagesMax = parts.pagesMax;
    this.#lookAgain = parts.lookAgain;
  }

  /** The page if it is in memory. Not to be modified. */
  cached(address: Address): MapEntries | undefined {
    return this.#pages.get(address);
  }

  /**
   * Not to be modified.
   * @throws {SystemError} kind `corrupt`: no copy of the page opens; the blocks below it cannot be read.
   */
  load(address: Address, level: number, index: number): Promise<MapEntries> {
    const cached = this.#pages.get(address);
    if (cached !== undefined) {
      this.#pages.delete(address);
      this.#pages.set(address, cached);
      return Promise.resolve(cached);
    }
    let loading = this.#loading.get(address);
    if (loading === undefined) {
      loading = this.#read(address, level, index).finally(() => this.#loading.delete(address));
      this.#loading.set(address, loading);
    }
    return loading;
  }

  /**
   * The page, or one that says of everything below it that it is lost. So one lost page costs what lies below it alone:
   * what the overlays know of it is read and merged as ever. Not to be modified.
   */
  async loadOrDamaged(address: Address, level: number, index: number): Promise<MapEntries> {
    try {
      return await this.#loadPatiently(address, level, index);
    } catch (error) {
      if (!(error instanceof SystemError) || error.kind !== 'corrupt') throw error;
      if (!this.#damaged.has(address)) {
        this.#damaged.add(address);
        const firstBlock = index * blocksBelow(level);
        const fields = { segment: segmentOf(address), slot: slotOf(address), firstBlock, blocks: blocksBelow(level) };
        this.#log.error({ ...fields, reason: error.message }, 'a map page is lost; its blocks cannot be read');
      }
      return uniformPage(DAMAGED);
    }
  }

  async #loadPatiently(address: Address, level: number, index: number): Promise<MapEntries> {
    try {
      return await this.load(address, level, index);
    } catch (error) {
      if (this.#lookAgain === undefined || this.#damaged.has(address)) throw error;
      await this.#lookAgain();
      return this.load(address, level, index);
    }
  }

  /**
   * The page without keeping it, for walks over whole maps: they would push out what is read again. Not to be modified.
   * @throws {SystemError} as `load` does, at once or later.
   */
  once(address: Address, level: number, index: number): MapEntries | Promise<MapEntries> {
    const cached = this.#pages.get(address);
    if (cached !== undefined) return cached;
    const sealed = this.#store.readSlotsCached(segmentOf(address), slotOf(address), copiesOn(level));
    if (sealed === undefined) return this.#fetch(address, level, index);
    return this.#decode(address, level, index, sealed, this.#store.entry(segmentOf(address)));
  }

  keep(address: Address, entries: MapEntries): void {
    this.#pages.set(address, entries);
    if (this.#pages.size <= this.#pagesMax) return;
    // Several at a time: a `Map` walks over what was deleted before it finds its oldest entry.
    let surplus = Math.ceil(this.#pagesMax / 16);
    for (const oldest of this.#pages.keys()) {
      if (surplus === 0) break;
      this.#pages.delete(oldest);
      surplus -= 1;
    }
  }

  /**
   * The leaf of 512 blocks that holds `leaf * 512`, or the marker that stands for all of them, if nothing has to be waited
   * for: pages that are not kept are read where the system has them in memory; else undefined.
   */
  leafCached(root: Address, leaf: number): MapEntries | Address | undefined {
    let address = root;
    for (let level = ROOT_LEVEL; level > 0; level--) {
      if (isMarker(address)) return address;
      const page = this.#pages.get(address) ?? this.#readAtOnce(address, level, pageOf(leaf, level));
      if (page === undefined) return undefined;
      address = page[childOf(leaf, level)] ?? 0;
    }
    if (isMarker(address)) return address;
    const entries = this.#pages.get(address);
    if (entries !== undefined) return entries;
    this.#use(root, leaf);
    return this.#readAtOnce(address, 0, leaf);
  }

  /** Reads and keeps a page that is in memory and verifies; undefined for any other, which `leaf` is for. */
  #readAtOnce(address: Address, level: number, index: number): MapEntries | undefined {
    const segment = this.#store.find(segmentOf(address));
    // The second copy of an upper page is for when the first one does not verify.
    const sealed = segment && this.#store.readSlotsCached(segment.number, slotOf(address), 1);
    if (segment === undefined || sealed === undefined) return undefined;
    const aead = this.#keys.aead(segment.epoch);
    const meta = openSlot(aead, segment.number, slotOf(address), sealed.subarray(0, SLOT_SIZE_BYTES), this.#body);
    if (meta?.type !== SLOT_MAP || meta.level !== level || meta.index !== index) return undefined;
    const entries = decodeMapPage(this.#body);
    this.keep(address, entries);
    return entries;
  }

  /** The pages above a leaf are needed again sooner than any leaf. */
  #use(root: Address, leaf: number): void {
    let address = root;
    for (let level = ROOT_LEVEL; level > 0; level--) {
      const page = this.#pages.get(address);
      if (page === undefined) return;
      this.#pages.delete(address);
      this.#pages.set(address, page);
      address = page[childOf(leaf, level)] ?? 0;
    }
  }

  /** The same, reading what is missing. */
  async leaf(root: Address, leaf: number): Promise<MapEntries | Address> {
    let address = root;
    for (let level = ROOT_LEVEL; level > 0; level--) {
      if (isMarker(address)) return address;
      const page = await this.loadOrDamaged(address, level, pageOf(leaf, level));
      address = page[childOf(leaf, level)] ?? 0;
    }
    return isMarker(address) ? address : this.loadOrDamaged(address, 0, leaf);
  }

  /** What the page at `address`, on `level` above `leaf`, says of the next page on the way; a marker says it of all. */
  async child(address: Address, level: number, leaf: number): Promise<Address> {
    if (isMarker(address)) return address;
    const page = this.#pages.get(address) ?? (await this.loadOrDamaged(address, level, pageOf(leaf, level)));
    return page[childOf(leaf, level)] ?? 0;
  }

  /** How many leaves from `leaf` on are surely covered by one marker (at least 1 when the leaf itself is), and which. */
  async markerRun(
    root: Address,
    leaf: number,
  ): Promise<{ readonly marker: Address; readonly leaves: number } | undefined> {
    let address = root;
    for (let level = ROOT_LEVEL; ; level--) {
      if (isMarker(address)) {
        const span = PAGE_ENTRIES ** level;
        return { marker: address, leaves: span - (leaf % span) };
      }
      if (level === 0) return undefined;
      const page = await this.loadOrDamaged(address, level, pageOf(leaf, level));
      address = page[childOf(leaf, level)] ?? 0;
    }
  }

  async #read(address: Address, level: number, index: number): Promise<MapEntries> {
    const entries = await this.#fetch(address, level, index);
    this.keep(address, entries);
    return entries;
  }

  async #fetch(address: Address, level: number, index: number): Promise<MapEntries> {
    const sealed = new Uint8Array(copiesOn(level) * SLOT_SIZE_BYTES);
    const segment = await this.#store.readSlots(segmentOf(address), slotOf(address), sealed);
    return this.#decode(address, level, index, sealed, segment);
  }

  /** @param sealed the copies of the page, and anything behind them, from the file of `segment`. */
  #decode(
    address: Address,
    level: number,
    index: number,
    sealed: Uint8Array,
    { number, epoch }: SegmentEntry,
  ): MapEntries {
    const copies = copiesOn(level);
    const aead = this.#keys.aead(epoch);
    let entries: MapEntries | undefined;
    for (let copy = 0; copy < copies; copy++) {
      const body = new Uint8Array(BLOCK_SIZE_BYTES);
      const slot = slotOf(address) + copy;
      const at = copy * SLOT_SIZE_BYTES;
      const meta = openSlot(aead, number, slot, sealed.subarray(at, at + SLOT_SIZE_BYTES), body);
      if (meta?.type === SLOT_MAP && meta.level === level && meta.index === index) entries ??= decodeMapPage(body);
      else
        this.#log.error(
          { segment: number, slot, level, page: index, copy },
          'a copy of a map page failed verification',
        );
    }
    if (entries === undefined)
      throw corrupt(
        'MAP_CORRUPT',
        `the map page for ${blocksBelow(level)} blocks from block ${index * blocksBelow(level)} failed verification`,
      );
    return entries;
  }
}

/** Pages above the leaves are stored twice: one flipped bit costs no more than a line in the log. */
function copiesOn(level: number): number {
  return level === 0 ? 1 : 2;
}

/** Number, within its level, of the page above a leaf. */
function pageOf(leaf: number, level: number): number {
  return Math.floor(leaf / PAGE_ENTRIES ** level);
}

/** Which entry of the page on `level` leads to the leaf. */
function childOf(leaf: number, level: number): number {
  return Math.floor(leaf / PAGE_ENTRIES ** (level - 1)) % PAGE_ENTRIES;
}
