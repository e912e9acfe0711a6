import { messageOf } from '../../base/errors.ts';
import type { OpenParts } from '../state/open-parts.ts';
import type { Collections } from './collections.ts';

/** How often a disk looks whether its clients have stopped writing. */
const IDLE_MS = 30_000;

/** What a disk that is being written does by itself: checkpoints, and what follows them. */
export class Upkeep {
  readonly #parts: OpenParts;
  readonly #collections: Collections;
  readonly #afterCheckpoint: () => void;
  #slotsAtCheckpoint = 0;
  /** A checkpoint that failed is tried again after this many more changes. */
  #changesForCheckpoint = 0;
  #checkpointing = false;
  #idleLook: Disposable | undefined;
  #slotsAtIdleLook = -1;

  constructor(parts: OpenParts, collections: Collections, afterCheckpoint: () => void) {
    this.#parts = parts;
    this.#collections = collections;
    this.#afterCheckpoint = afterCheckpoint;
  }

  /** To be called when a session begins. */
  watch(): void {
    this.#idleLook ??= this.#parts.state.env.clock.every(IDLE_MS, () => this.#tidyIfIdle());
  }

  stop(): void {
    this.#idleLook?.[Symbol.dispose]();
  }

  /** To be called after each change; returns at once. */
  checkpointIfDue(): void {
    const { state, operations, commits } = this.#parts;
    const { limits, overlay, session } = state;
    if (this.#checkpointing || !operations.isOpen || session === undefined) return;
    const slots = session.log.slotsAppended - this.#slotsAtCheckpoint;
    const changesMax = Math.max(limits.checkpointChanges, this.#changesForCheckpoint);
    const slotsMax = Math.min(limits.checkpointSlots, this.#collections.checkpointAfterSlots);
    if (slots < slotsMax && overlay.size < changesMax) return;
    this.#checkpointing = true;
    this.#slotsAtCheckpoint = session.log.slotsAppended;
    operations
      .run(() => commits.checkpoint({ clean: false }))
      .then(
        () => {
          this.#changesForCheckpoint = 0;
          this.#collections.collectIfDue();
          this.#afterCheckpoint();
        },
        (error: unknown) => {
          this.#changesForCheckpoint = state.overlay.size + Math.ceil(limits.checkpointChanges / 4);
          const { env, head } = state;
          env.log.warn({ diskId: head.diskId, reason: messageOf(error) }, 'a checkpoint failed');
        },
      )
      .finally(() => {
        this.#checkpointing = false;
      });
  }

  /** When clients have stopped writing: a checkpoint and a collection of what they left, and no spare files. */
  #tidyIfIdle(): void {
    const { state, operations } = this.#parts;
    const { session, overlay, spares } = state;
    if (session === undefined || !operations.isOpen) return;
    const { slotsAppended } = session.log;
    const isIdle = slotsAppended === this.#slotsAtIdleLook;
    this.#slotsAtIdleLook = slotsAppended;
    if (!isIdle || (overlay.size === 0 && spares.count === 0)) return;
    operations
      .run(async () => {
        if (overlay.size > 0) await this.#collections.collectRest();
        await spares.clear();
      })
      .catch((error: unknown) => this.#collections.warn(error));
  }
}
