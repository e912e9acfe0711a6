import { messageOf, SystemError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { BLOCK_SIZE_BYTES } from '../../base/units.ts';
import type { Environment } from '../files/environment.ts';
import { osCode } from '../files/file-system.ts';
import { addressOf, isMarker, segmentOf, slotOf } from '../format/address.ts';
import type { Address } from '../format/address.ts';
import { checksumOf, NO_CHECKSUM } from '../format/checksum-format.ts';
import type { Checksums } from '../format/checksum-format.ts';
import { SEGMENTS_NAME } from '../format/file-names.ts';
import { equalBytes, toHex } from '../format/fixed-bytes.ts';
import { headerDigest, SEGMENT_HEADER_REGION_BYTES } from '../format/segment-format.ts';
import { openSlot, SLOT_SIZE_BYTES } from '../format/slot-format.ts';
import type { SegmentEntry } from '../format/table-format.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';
import { walkMap } from '../map/map-walk.ts';
import { readChecksums, removeStaleChecksums, writeChecksums } from '../segments/checksum-file.ts';
import { readHeaderRegion } from '../segments/header-region.ts';
import type { SegmentStore } from '../segments/segment-store.ts';
import { AddressSet } from './address-set.ts';
import { Damages } from './damages.ts';
import { findCosts } from './scrub-costs.ts';
import type { Failures } from './scrub-costs.ts';
import { ScrubPace } from './scrub-pace.ts';
import { causeInWords, COSTS_MAX, costInWords } from './scrub-report.ts';
import type { Cause, ScrubReport } from './scrub-report.ts';
import { KeptFiles } from './scrubbed-states.ts';
import type { KeptState } from './scrubbed-states.ts';

/** 528 KB: at most 1 ms of AES, 2 ms of SM4. */
const CHUNK_SLOTS = 128;
/** So that a walk over the map, at some 10 us a page, lets I/O in. */
const PAGES_A_SLICE = 128;

export interface ScrubOptions {
  /** Bytes read in a second at most; undefined: as fast as it goes. */
  readonly rateBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ScrubProgress) => void) | undefined;
}

export interface ScrubProgress {
  readonly slotsDone: number;
  /** 0 until the maps were walked. */
  readonly slotsTotal: number;
  readonly damageCount: number;
}

export interface ScrubTarget {
  readonly env: Environment;
  readonly directory: string;
  readonly keys: DiskKeys;
  readonly diskId: string;
  readonly store: SegmentStore;
  /** The states as they are when it is called; it names in the log given what it cannot read. */
  readonly states: (log: Logger) => Promise<readonly KeptState[]>;
  /** Keep the checksums of slots that verify and have none. */
  readonly takeChecksums: boolean;
  /** Reads the records that are no slots (heads, tables, roots, headers) and names in the log what is damaged. */
  readonly checkRecords: (log: Logger) => Promise<void>;
}

/**
 * Reads every slot that any state of a disk needs, and all records, while the disk is used: the maps are walked to find
 * what is live, then each segment file is read in order. What fails is looked up again at the end: a slot that was live
 * when the scrub began and that no state names any more is no damage.
 *
 * Files are read through the system's cache; bytes that are in memory are not fetched from the store.
 * @throws {SystemError} kind `unavailable`; the signal's reason.
 */
export async function scrub(target: ScrubTarget, options: ScrubOptions): Promise<ScrubReport> {
  return new Scrub(target, options).run();
}

class Scrub {
  readonly #target: ScrubTarget;
  readonly #options: ScrubOptions;
  readonly #damages: Damages;
  readonly #live = new AddressSet();
  readonly #failures: Failures = { slots: new Map(), pages: [] };
  readonly #body = new Uint8Array(BLOCK_SIZE_BYTES);
  #slotsDone = 0;
  #pages = 0;
  readonly #pace: ScrubPace;

  constructor(target: ScrubTarget, options: ScrubOptions) {
    this.#target = target;
    this.#options = options;
    this.#damages = new Damages(target.env.log, target.directory, { diskId: target.diskId });
    this.#pace = new ScrubPace(target.env.clock, options);
  }

  async run(): Promise<ScrubReport> {
    const { env, directory, keys, store, states, checkRecords } = this.#target;
    await checkRecords(this.#damages.records);
    const kept = await states(this.#damages.records);
    const files = new KeptFiles({ store, keys, log: env.log, states: kept });
    try {
      await this.#mark(files, kept);
      for (const file of files.files) await this.#segment(file.entry, file.store);
    } finally {
      files.close();
    }
    if (this.#failures.slots.size > 0 || this.#failures.pages.length > 0) await this.#tellCosts();
    if (this.#target.takeChecksums) {
      const named = files.files.map(({ entry }) => toHex(entry.id));
      const there = await env.files.list(`${directory}/${SEGMENTS_NAME}`);
      await removeStaleChecksums(env.files, directory, new Set([...named, ...there]));
    }
    const { found, count } = this.#damages;
    return { damages: found, damageCount: count, slots: this.#slotsDone, withKey: true };
  }

  async #mark(files: KeptFiles, states: readonly KeptState[]): Promise<void> {
    const live = this.#live;
    for (const state of states) {
      for (const overlay of state.replayed ? state.overlays : [])
        for (const address of (await overlay.sortedPoints()).addresses) if (!isMarker(address)) live.add(address);
      const visitor = {
        page: (address: Address, level: number): boolean => {
          const isNew = live.add(address);
          if (isNew && level > 0) live.add(address + 1);
          return isNew;
        },
        leaf: (entries: Float64Array): void => {
          for (const address of entries) if (!isMarker(address)) live.add(address);
        },
        lost: (address: Address, level: number, index: number): void => {
          this.#failures.pages.push({ address, level, index });
        },
      };
      await walkMap(files.pages, state.root, visitor, () => this.#betweenPages());
    }
  }

  async #segment(entry: SegmentEntry, store: SegmentStore): Promise<void> {
    const slots = this.#live.slotsOf(entry.number);
    const { env, directory } = this.#target;
    const known = await readChecksums(env.files, directory, entry.id);
    const headers = await this.#headers(entry, store, known);
    if (headers === undefined) {
      for (const slot of slots) this.#fail(addressOf(entry.number, slot), 'missing', entry);
      return;
    }
    const sums = new Uint32Array(Math.max(known?.slots.length ?? 0, (slots.at(-1) ?? -1) + 1));
    if (known !== undefined) sums.set(known.slots);
    let taken = false;
    for (let at = 0; at < slots.length;) {
      const first = slots[at] ?? 0;
      let end = at + 1;
      while (end < slots.length && (slots[end] ?? 0) < first + CHUNK_SLOTS) end += 1;
      const chunk = slots.slice(at, end);
      if (await this.#chunk(entry, store, chunk, sums)) taken = true;
      at = end;
      await this.#betweenChunks(chunk.length);
    }
    if (!taken || !this.#target.takeChecksums) return;
    await writeChecksums(env.files, directory, { segmentId: entry.id, headers, slots: sums }).catch((error: unknown) =>
      env.log.warn({ segment: entry.number, reason: messageOf(error) }, 'checksums could not be kept'),
    );
  }

  /** True when a checksum was taken that was not there. */
  async #chunk(
    entry: SegmentEntry,
    store: SegmentStore,
    slots: readonly number[],
    sums: Uint32Array,
  ): Promise<boolean> {
    const first = slots[0] ?? 0;
    const buffer = new Uint8Array(((slots.at(-1) ?? first) - first + 1) * SLOT_SIZE_BYTES);
    const isRead = await this.#read(() => store.readSlots(entry.number, first, buffer));
    let taken = false;
    for (const slot of slots) {
      const address = addressOf(entry.number, slot);
      const sealed = buffer.subarray((slot - first) * SLOT_SIZE_BYTES, (slot - first + 1) * SLOT_SIZE_BYTES);
      if (!isRead && !(await this.#read(() => store.readSlots(entry.number, slot, sealed)))) {
        this.#fail(address, 'unreadable', entry);
        continue;
      }
      const aead = this.#target.keys.aead(entry.epoch);
      const sum = sums[slot] ?? NO_CHECKSUM;
      if (openSlot(aead, entry.number, slot, sealed, this.#body) === undefined) {
        const cause = sum === NO_CHECKSUM ? 'unknown' : sum === checksumOf(sealed) ? 'tampering' : 'rot';
        this.#fail(address, cause, entry);
      } else if (sum === NO_CHECKSUM && this.#target.takeChecksums) {
        sums[slot] = checksumOf(sealed);
        taken = true;
      }
    }
    return taken;
  }

  /** False when the store cannot read it. */
  async #read(read: () => Promise<unknown>): Promise<boolean> {
    try {
      await read();
      return true;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return false;
    }
  }

  /** Checksum of the header region; undefined when the segment has no file. */
  async #headers(entry: SegmentEntry, store: SegmentStore, known: Checksums | undefined): Promise<number | undefined> {
    const { env } = this.#target;
    const path = store.pathOf(entry.id);
    let region: Uint8Array = new Uint8Array(SEGMENT_HEADER_REGION_BYTES);
    try {
      region = await readHeaderRegion(env.files, path);
    } catch (error) {
      if (osCode(error) === 'ENOENT') return undefined;
      this.#damages.report({
        cause: 'unreadable',
        file: this.#damages.inside(path),
        segment: entry.number,
        costs: [],
        message: `the header of segment ${entry.number} cannot be read: ${messageOf(error)}`,
      });
    }
    const half = SEGMENT_HEADER_REGION_BYTES / 2;
    const sum = checksumOf(region);
    for (const copy of [0, 1]) {
      if (equalBytes(headerDigest(region.subarray(copy * half, (copy + 1) * half)), entry.headerDigest)) continue;
      const cause = known === undefined ? 'unknown' : known.headers === sum ? 'tampering' : 'rot';
      this.#damages.report({
        cause,
        file: this.#damages.inside(path),
        segment: entry.number,
        costs: [],
        message: `copy ${copy + 1} of the header of segment ${entry.number}: ${causeInWords(cause)}`,
      });
    }
    return sum;
  }

  #fail(address: Address, cause: Cause, entry: SegmentEntry): void {
    this.#failures.slots.set(address, { cause, file: `${SEGMENTS_NAME}/${toHex(entry.id)}` });
  }

  /** With the states as they are now. */
  async #tellCosts(): Promise<void> {
    const { env, keys, store, states } = this.#target;
    const kept = await states({ debug() {}, info() {}, warn() {}, error() {} });
    const files = new KeptFiles({ store, keys, log: env.log, states: kept });
    try {
      const found = await findCosts(files.pages, kept, this.#failures, () => this.#betweenPages());
      for (const { address, what, cause, file, costs } of found) {
        const [segment, slot] = [segmentOf(address), slotOf(address)];
        const place = `segment ${segment}, slot ${slot}`;
        this.#damages.report({
          cause,
          file,
          segment,
          slot,
          costs: costs.slice(0, COSTS_MAX),
          message: `${what} (${place}): ${causeInWords(cause)}; lost: ${costInWords(costs)}`,
        });
      }
    } finally {
      files.close();
    }
  }

  #betweenPages(): Promise<void> | undefined {
    this.#pages += 1;
    return this.#pages % PAGES_A_SLICE === 0 ? this.#pace.slice() : undefined;
  }

  async #betweenChunks(slots: number): Promise<void> {
    this.#slotsDone += slots;
    this.#options.onProgress?.({
      slotsDone: this.#slotsDone,
      slotsTotal: this.#live.size,
      damageCount: this.#damages.count + this.#failures.slots.size,
    });
    await this.#pace.read(slots * SLOT_SIZE_BYTES);
  }
}
