import { isKind, messageOf } from '../../base/errors.ts';
import type { Address } from '../format/address.ts';
import { DENSE_CAPACITY_MAX, storedSlots } from '../format/dense-format.ts';
import { ROOTS_NAME } from '../format/file-names.ts';
import { SLOT_SIZE_BYTES } from '../format/slot-format.ts';
import type { SlotSet } from '../format/slot-set.ts';
import type { SegmentEntry } from '../format/table-format.ts';
import type { SegmentFile } from '../segments/segment-file.ts';
import { SpareFiles } from '../segments/spare-files.ts';
import type { DiskState } from '../state/disk-state.ts';
import { noFiles } from '../tables/named-files.ts';
import { snapshotNames } from '../tables/snapshot-names.ts';
import { readTableFile } from '../tables/table-file.ts';
import { Background } from './background.ts';
import { DeadSegments } from './dead-segments.ts';
import { writeDense } from './dense-rewrite.ts';
import type { Rewritten } from './dense-rewrite.ts';
import { Liveness } from './liveness.ts';
import type { MarkedSegment } from './liveness.ts';
import { removeUnnamed } from './reclaim.ts';
import { isStoreShort } from './space-reserve.ts';

/** Files that change their name before one sync of their directory. */
const RENAMES_AT_ONCE = 8;
/** Files that are rewritten at the same time: each waits for other threads most of the time. 2 MiB of memory each. */
const LANES = 4;
/** Nothing hurries while garbage takes less than this part of what it may take. */
const SPACE_CALM_SHARE = 0.3;
/** From this urgency on … */
const PRESSED = 0.5;
/** … checkpoints are taken so often while every block is overwritten once. */
const CHECKPOINTS_A_LAP = 32;
/** So few segments are never worth waiting for. */
const SMALL_SEGMENTS = 16;
/** A file costs about as much as copying so many slots, besides its slots. */
const FILE_COST_SLOTS = 256;
/** Less than this part of a full segment is not worth a rewrite: it goes when the segment is dead. */
const LEAST_GAIN = 1 / 256;

export interface Collection {
  /** Slots that states of this disk can reach, and slots that its files hold; those of the log's newest part in both. */
  readonly liveSlots: number;
  readonly storedSlots: number;
  /** Segments that were let go of. */
  readonly dead: number;
  /** Files that were rewritten, and how many bytes that wrote. */
  readonly rewritten: number;
  readonly writtenBytes: number;
}

interface Victim extends MarkedSegment {
  readonly stored: number;
}

/** Space for the work that it takes, of which a file costs some however small it is. */
function gainOf({ live, stored }: Victim): number {
  return (stored - live.count) / (live.count + FILE_COST_SLOTS);
}

/** A file that lost its name to a dense one. */
interface Renamed {
  readonly spare: string | undefined;
  /** Resolves when nobody reads it any more. */
  readonly unread: Promise<void>;
}

/**
 * Brings space back, while reads and writes go on:
 * 1. mark what the durable head and every root in the directory can reach (`Liveness`);
 * 2. let go of segments without a slot that the head can reach (`DeadSegments`);
 * 3. replace files that hold too much garbage by dense ones (`writeDense`).
 *
 * Why no race can be lost: only segments from before the head's log position are looked at, which nothing is appended to.
 * A slot there that no state reaches now is reached by no later one, since every later state is made from a marked one and
 * the log behind it. A file with more slots than needed is never wrong, so it does not matter how old a mark is.
 */
export class Collector {
  readonly spares: SpareFiles;
  readonly background: Background;
  /** What files hold and what is live, in slots: as the last mark found it, less what was brought back since. */
  #stored = 0;
  #live = 0;
  #appendedAtMark = 0;
  /** One file after the other then, and none is kept. */
  #isShort = false;
  readonly #state: DiskState;
  readonly #dead: DeadSegments;
  readonly #inHeadTurn: (work: () => Promise<void>) => Promise<void>;

  /** @param inHeadTurn runs work while no checkpoint does. */
  constructor(state: DiskState, inHeadTurn: (work: () => Promise<void>) => Promise<void>) {
    this.#state = state;
    this.#inHeadTurn = inHeadTurn;
    this.#dead = new DeadSegments(state);
    this.spares = state.spares;
    this.background = new Background(state.env.clock, () => state.session?.log.slotsAppended ?? 0);
  }

  /** Segments whose files go with the next checkpoint. */
  get condemned(): number {
    return this.#dead.count;
  }

  /** To be called in the head's turn after each checkpoint. */
  async release(): Promise<void> {
    await this.#dead.release(this.spares);
  }

  /**
   * One collection from beginning to end.
   * @param isUrgent take every file with anything to gain: space is short.
   * @throws {SystemError} kind `corrupt`: a map page or root cannot be read, so that nobody can tell what is live; nothing
   *   was removed. Kind `no-space`: some of it was done. Kind `conflict`: the disk was closed.
   */
  async collect(isUrgent: boolean): Promise<Collection> {
    this.background.begin();
    this.#compareWithClients();
    try {
      return await this.#collect(isUrgent);
    } finally {
      this.background.end();
    }
  }

  async #collect(isUrgent: boolean): Promise<Collection> {
    const state = this.#state;
    const appended = state.session?.log.slotsAppended ?? 0;
    const { head, root } = state;
    // Before the roots are listed: a snapshot that is not among them is made from this state or a later one.
    const entries = state.store.entries();
    const end = head.clean ? head.nextSegment : head.log.segment;
    const { liveness, unreached } = await this.#mark(entries, root);
    const victims: Victim[] = [];
    const dead: SegmentEntry[] = [];
    let liveSlots = 0;
    let stored = 0;
    for (const segment of liveness.segments.values()) {
      const status = await state.env.files.stat(state.store.pathOf(segment.entry.id));
      await this.background.step(1);
      if (status === undefined) continue;
      const slots = storedSlots(status.sizeBytes);
      const live = segment.live.count;
      stored += slots;
      liveSlots += segment.entry.number < end ? live : slots;
      if (segment.entry.number >= end) continue;
      const isDead = unreached.has(segment.entry) && state.session !== undefined;
      if (isDead) dead.push(segment.entry);
      if ((live > 0 || !isDead) && status.links === 1 && this.#isWorthIt(live, slots, isUrgent))
        victims.push({ ...segment, stored: slots });
    }
    if (dead.length > 0) await this.#inHeadTurn(() => this.#dead.condemn(dead));
    this.#stored = stored;
    this.#live = liveSlots;
    this.#appendedAtMark = appended;
    this.#compareWithClients();
    if (isUrgent) this.background.urgency = 1;
    victims.sort((a, b) => gainOf(b) - gainOf(a));
    this.#isShort = await isStoreShort(state.env.files, state.directory);
    let writtenBytes = 0;
    const atOnce = this.#isShort ? 1 : RENAMES_AT_ONCE;
    for (let at = 0; at < victims.length; at += atOnce)
      writtenBytes += await this.#rewrite(victims.slice(at, at + atOnce));
    return { liveSlots, storedSlots: stored, dead: dead.length, rewritten: victims.length, writtenBytes };
  }

  /** What files hold and how much of it no state can reach, as far as is known. */
  get estimate(): { readonly storedBytes: number; readonly garbageBytes: number } {
    const storedBytes = Math.round(this.#space * this.#live) * SLOT_SIZE_BYTES;
    return { storedBytes, garbageBytes: Math.max(0, storedBytes - this.#live * SLOT_SIZE_BYTES) };
  }

  /** Slots that files hold for each live one, as far as is known. */
  get #space(): number {
    const appended = this.#state.session?.log.slotsAppended ?? 0;
    return (this.#stored + appended - this.#appendedAtMark) / Math.max(this.#live, 1);
  }

  /**
   * So many slots of the log are worth a checkpoint of their own, since only what lies before it can be collected.
   * Infinite while there is no hurry: a checkpoint writes the map.
   */
  get checkpointAfterSlots(): number {
    const { segmentSlots } = this.#state.limits;
    const isPressed = this.background.urgency > PRESSED;
    return isPressed ? Math.max(segmentSlots, this.#live / CHECKPOINTS_A_LAP) : Infinity;
  }

  #compareWithClients(): void {
    const { segmentSlots, spaceMax } = this.#state.limits;
    const isSmall = this.#live < SMALL_SEGMENTS * segmentSlots;
    const garbage = (this.#space - 1) / (spaceMax - 1);
    this.background.urgency = Math.min(1, Math.max(0, (garbage - SPACE_CALM_SHARE) / (1 - SPACE_CALM_SHARE)));
    this.background.setBehind(!isSmall && garbage > 1, garbage - 1);
  }

  #isWorthIt(live: number, stored: number, isUrgent: boolean): boolean {
    const { rewriteBelow, segmentSlots } = this.#state.limits;
    const gain = stored - live;
    if (segmentSlots > DENSE_CAPACITY_MAX || gain <= Math.floor(segmentSlots * LEAST_GAIN)) return false;
    return isUrgent || live <= stored * rewriteBelow;
  }

  async #mark(
    entries: readonly SegmentEntry[],
    root: Address,
  ): Promise<{ readonly liveness: Liveness; readonly unreached: ReadonlySet<SegmentEntry> }> {
    const { env, keys, limits, store, pages } = this.#state;
    const { background } = this;
    const liveness = new Liveness({ capacity: limits.segmentSlots, keys, log: env.log, background });
    const unreached = await liveness.markHead({ store, pages }, root, entries);
    const roots = this.#state.path(ROOTS_NAME);
    for (const name of await snapshotNames(env.files, roots)) {
      const path = `${roots}/${name}`;
      try {
        await liveness.markSnapshot(await readTableFile(env.files, path, keys, env.log), store);
      } catch (error) {
        // A snapshot that was deleted meanwhile needs nothing.
        if (isKind(error, 'corrupt') && (await env.files.stat(path)) === undefined) continue;
        throw error;
      }
    }
    return { liveness, unreached };
  }

  /** Answers how many bytes were written. */
  async #rewrite(victims: readonly Victim[]): Promise<number> {
    const beside = this.#state.store.sibling();
    const renamed: Renamed[] = [];
    let writtenBytes = 0;
    const left = victims.values();
    const lane = async (): Promise<void> => {
      for (const { entry, live, stored } of left) {
        beside.put(entry);
        const bytes = await this.#replace(beside.file(entry.number), live, renamed);
        writtenBytes += bytes;
        this.#stored -= stored - live.count;
        this.#compareWithClients();
      }
    };
    try {
      // All lanes end before a failure is passed on.
      const lanes = await Promise.allSettled(Array.from({ length: LANES }, lane));
      for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason;
    } finally {
      if (renamed.length > 0) await this.#settleRenames(renamed);
      beside.close();
      await this.#removeUnnamed(victims);
    }
    return writtenBytes;
  }

  async #replace(source: SegmentFile, live: SlotSet, renamed: Renamed[]): Promise<number> {
    const { files } = this.#state.env;
    let rewritten: Rewritten;
    try {
      rewritten = await writeDense(files, source, live, this.background);
    } catch (error) {
      // Its last snapshot was deleted meanwhile.
      if ((await files.stat(source.path)) === undefined) return 0;
      throw error;
    }
    const { path, sizeBytes } = rewritten;
    const spare = await this.#keepAsSpare(source.path);
    try {
      await files.rename(path, source.path);
    } catch (error) {
      if (spare !== undefined) await files.unlink(spare).catch(() => undefined);
      await files.unlink(path).catch(() => undefined);
      throw error;
    }
    renamed.push({ spare, unread: source.forget() });
    return sizeBytes;
  }

  /** A rename may have brought back the name of a segment whose last snapshot was deleted at the same moment. */
  async #removeUnnamed(victims: readonly Victim[]): Promise<void> {
    const { env, store, directory } = this.#state;
    const others = victims.filter(({ entry }) => store.find(entry.number) === undefined);
    const segments = new Set(others.map(({ name }) => name));
    if (segments.size > 0) await removeUnnamed(env, directory, { ...noFiles(), segments });
  }

  /** Another name for a file that is about to lose the one that it has. */
  async #keepAsSpare(path: string): Promise<string | undefined> {
    if (!this.spares.hasRoom || this.#isShort) return undefined;
    const spare = SpareFiles.pathFor(path);
    const { files } = this.#state.env;
    try {
      await files.link(path, spare);
      return spare;
    } catch {
      return undefined;
    }
  }

  /** A file may be used again when its old name means the new one durably, and nobody reads it any more. */
  async #settleRenames(renamed: readonly Renamed[]): Promise<void> {
    const { env, store, head } = this.#state;
    const { files } = env;
    try {
      await files.syncDirectory(store.directory);
      for (const { spare, unread } of renamed) {
        await unread;
        if (spare !== undefined) await this.spares.give(spare);
      }
    } catch (error) {
      env.log.warn({ diskId: head.diskId, reason: messageOf(error) }, 'files of rewritten segments are not used again');
      for (const { spare } of renamed) if (spare !== undefined) await files.unlink(spare).catch(() => undefined);
    }
  }
}
