import { isKind } from '../../base/errors.ts';
import type { Address } from '../format/address.ts';
import { DENSE_CAPACITY_MAX, storedSlots } from '../format/dense-format.ts';
import { ROOTS_NAME } from '../format/file-names.ts';
import { SLOT_SIZE_BYTES } from '../format/slot-format.ts';
import type { SegmentEntry } from '../format/table-format.ts';
import type { DiskState } from '../state/disk-state.ts';
import { snapshotNames } from '../tables/snapshot-names.ts';
import { readTableFile } from '../tables/table-file.ts';
import { Background } from './background.ts';
import { DeadSegments } from './dead-segments.ts';
import { DenseFiles } from './dense-files.ts';
import type { Victim } from './dense-files.ts';
import { Liveness } from './liveness.ts';
import { isStoreShort } from './space-reserve.ts';

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

/** Space for the work that it takes, of which a file costs some however small it is. */
function gainOf({ live, stored }: Victim): number {
  return (stored - live.count) / (live.count + FILE_COST_SLOTS);
}

/**
 * Brings space back, while reads and writes go on:
 * 1. mark what the durable head and every root in the directory can reach (`Liveness`);
 * 2. let go of segments without a slot that the head can reach (`DeadSegments`);
 * 3. replace files that hold too much garbage by dense ones (`DenseFiles`).
 *
 * Why no race can be lost: only segments from before the head's log position are looked at, which nothing is appended to.
 * A slot there that no state reaches now is reached by no later one, since every later state is made from a marked one and
 * the log behind it. A file with more slots than needed is never wrong, so it does not matter how old a mark is.
 */
export class Collector {
  readonly background: Background;
  /** What files hold and what is live, in slots: as the last mark found it, less what was brought back since. */
  #stored = 0;
  #live = 0;
  #appendedAtMark = 0;
  readonly #state: DiskState;
  readonly #dead: DeadSegments;
  readonly #denseFiles: DenseFiles;
  readonly #inHeadTurn: (work: () => Promise<void>) => Promise<void>;

  /** @param inHeadTurn runs work while no checkpoint does. */
  constructor(state: DiskState, inHeadTurn: (work: () => Promise<void>) => Promise<void>) {
    this.#state = state;
    this.#inHeadTurn = inHeadTurn;
    this.#dead = new DeadSegments(state);
    this.background = new Background(state.env.clock, () => state.session?.log.slotsAppended ?? 0);
    this.#denseFiles = new DenseFiles(state, this.background, (slots) => {
      this.#stored -= slots;
      this.#compareWithClients();
    });
  }

  /** Segments whose files go with the next checkpoint. */
  get condemned(): number {
    return this.#dead.count;
  }

  /** To be called in the head's turn after each checkpoint. */
  async release(): Promise<void> {
    await this.#dead.release(this.#state.spares);
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
    const isShort = await isStoreShort(state.env.files, state.directory);
    const writtenBytes = await this.#denseFiles.replace(victims, isShort);
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
}
