import { isKind, messageOf } from '../../base/errors.ts';
import type { OpenParts } from '../state/open-parts.ts';
import type { Background } from './background.ts';
import { Collector } from './collector.ts';
import type { Collection } from './collector.ts';
import { SpaceReserve } from './space-reserve.ts';

/** A collection begins by itself when so many slots were written, as a part of those that were live. */
const COLLECT_AFTER = 1 / 32;
/** A disk that is short of space looks for some so often, even if nothing was written or trimmed. */
const COLLECT_AGAIN_MS = 10_000;

/** The collections of an open disk, one at a time, and when they are due. */
export class Collections {
  /** What the last one found and did. */
  last: Collection | undefined;
  /** How fast they work beside clients. */
  readonly background: Background;
  readonly reserve: SpaceReserve;
  readonly #parts: OpenParts;
  readonly #collector: Collector;
  #running: Promise<Collection> | undefined;
  #slotsAtStart = 0;
  #collectingAll = false;
  /** When blocks were last refused for want of space, and what the log had then. */
  #slotsAtShort = -1;
  #shortAtMs = 0;

  constructor(parts: OpenParts) {
    const { state, commits } = parts;
    this.#parts = parts;
    this.#collector = new Collector(state, (work) => commits.inTurn(work));
    this.background = this.#collector.background;
    this.reserve = new SpaceReserve(state.env.files, state.directory);
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** What the files of the disk hold, as far as the last collection and what was written since tell; undefined before. */
  get space(): { readonly storedBytes: number; readonly garbageBytes: number } | undefined {
    return this.last && this.#collector.estimate;
  }

  /** Slots that may be written before a checkpoint, so that collections find what there is to bring back. */
  get checkpointAfterSlots(): number {
    return this.#collector.checkpointAfterSlots;
  }

  /** To be called in the head's turn when a new table is durable. */
  async release(): Promise<void> {
    await this.#collector.release();
  }

  /** To be called after a checkpoint; returns at once. */
  collectIfDue(): void {
    const { state, operations } = this.#parts;
    const { limits, session } = state;
    if (this.#running !== undefined || !operations.isOpen || session === undefined) return;
    const slots = session.log.slotsAppended - this.#slotsAtStart;
    if (slots < Math.max(limits.segmentSlots, (this.last?.liveSlots ?? 0) * COLLECT_AFTER)) return;
    operations.run(() => this.#collect(false)).catch((error: unknown) => this.warn(error));
  }

  /** Brings back all the space that can be had now. */
  async collectAll(): Promise<Collection> {
    this.#collectingAll = true;
    try {
      await this.#parts.commits.checkpoint({ clean: false });
      await this.#running?.catch(() => undefined);
      const collection = await this.#collect(true);
      await this.#letGo();
      if (this.reserve.isShort) await this.#parts.state.spares.clear();
      return collection;
    } finally {
      this.#collectingAll = false;
    }
  }

  /** What clients left when they stopped writing. */
  async collectRest(): Promise<void> {
    await this.#parts.commits.checkpoint({ clean: false });
    await this.#collect(false);
    await this.#letGo();
  }

  /**
   * What brings space back goes on when blocks are refused, and begins then if it is not under way.
   * @throws {SystemError} kind `no-space`.
   */
  async refuseWithoutSpace(log: { readonly slotsAppended: number }): Promise<void> {
    try {
      await this.reserve.refuseIfShort(log.slotsAppended);
    } catch (error) {
      const nowMs = this.#parts.state.env.clock.monotonicMs();
      const isNew = log.slotsAppended !== this.#slotsAtShort || nowMs - this.#shortAtMs >= COLLECT_AGAIN_MS;
      if (isNew && !this.#collectingAll) {
        this.#slotsAtShort = log.slotsAppended;
        this.#shortAtMs = nowMs;
        this.#parts.operations.run(() => this.collectAll()).catch((reason: unknown) => this.warn(reason));
      }
      throw error;
    }
  }

  warn(error: unknown): void {
    const { env, head } = this.#parts.state;
    if (!isKind(error, 'conflict'))
      env.log.warn({ diskId: head.diskId, reason: messageOf(error) }, 'a collection failed');
  }

  /** Files of segments that the state let go of are free when no head names them. */
  async #letGo(): Promise<void> {
    if (this.#collector.condemned > 0) await this.#parts.commits.checkpoint({ clean: false });
  }

  #collect(isUrgent: boolean): Promise<Collection> {
    this.#running ??= this.#parts
      .alone(() => this.#collector.collect(isUrgent))
      .then((collection) => {
        this.last = collection;
        const { work } = this.#parts.state;
        work.segmentsCollected += collection.dead + collection.rewritten;
        work.collectedBytes += collection.writtenBytes;
        return collection;
      })
      .finally(() => {
        this.#running = undefined;
      });
    this.#slotsAtStart = this.#parts.state.session?.log.slotsAppended ?? 0;
    return this.#running;
  }
}
