import type { Clock } from '../../base/clock.ts';
import { Deferred } from '../../base/deferred.ts';
import { SystemError } from '../../base/errors.ts';

/** So long background work keeps the main thread before it lets I/O in. */
const SLICE_MS = 4;
/** What background work may do for each slot that clients write: from ample space to hardly any. */
const SHARE_CALM = 2;
const SHARE_URGENT = 16;
/** What clients may write for each slot of work while it is behind; less than one overwritten block costs of it. */
const CLIENTS_SHARE = 0.75;
const CLIENTS_SQUEEZE = 4;
/** What either may do ahead of the other. */
const HEAD_START_SLOTS = 256;
/** So often it waits a millisecond for clients to go on; then they count as idle and it works as fast as it can. */
const PATIENCE = 20;

/**
 * The pace of background work. It is measured in slots, and each slot that clients write allows some of it: so it keeps
 * up with them whatever the speed of the machine, never takes much more than they do, and goes ahead when they are idle.
 * The share grows when space is short; in the end clients wait for it, a little at each write. Work comes in slices that let I/O in between.
 */
export class Background {
  /** From 0 to 1: how badly the outcome is needed. */
  urgency = 0;
  #stopped = false;
  readonly #clock: Clock;
  readonly #served: () => number;
  #allowedUpTo = 0;
  #servedBefore = 0;
  #sliceBegan = 0;
  /** While it is behind: how much clients may have written before they wait for more of its work. */
  #clientsUpTo = Infinity;
  #clientsShare = CLIENTS_SHARE;
  #moved = new Deferred();

  /** @param served slots that clients have written. */
  constructor(clock: Clock, served: () => number) {
    this.#clock = clock;
    this.#served = served;
  }

  /** What runs ends at its next step. */
  stop(): void {
    this.#stopped = true;
  }

  /** Work may go on, or begin again. */
  resume(): void {
    this.#stopped = false;
  }

  /**
   * Whether clients produce work faster than it is done: then they get a share of it, instead of the reverse.
   * @param by how far it is behind, from 0 on: the further, the smaller the share.
   */
  setBehind(isBehind: boolean, by = 0): void {
    this.#clientsShare = CLIENTS_SHARE / (1 + CLIENTS_SQUEEZE * by);
    if (!isBehind) this.end();
    else if (this.#clientsUpTo === Infinity) this.#clientsUpTo = this.#served() + HEAD_START_SLOTS;
  }

  /** No client has to wait any more. */
  end(): void {
    this.#clientsUpTo = Infinity;
    this.#wake();
  }

  get clientsMustWait(): boolean {
    return this.#clientsUpTo !== Infinity && this.#served() >= this.#clientsUpTo;
  }

  /** Resolves when some more work was done, or it ended. */
  moved(): Promise<void> {
    return this.#moved.promise;
  }

  /** To be called before work begins. */
  begin(): void {
    this.#sliceBegan = this.#clock.monotonicMs();
    this.#servedBefore = this.#served();
    this.#allowedUpTo = HEAD_START_SLOTS;
  }

  /**
   * To be awaited after each small piece of work, if it answers anything.
   * @param slots that were copied, or work of about that cost.
   * @throws {SystemError} kind `conflict`: the work was told to end.
   */
  step(slots: number): Promise<void> | undefined {
    this.#refuseStopped();
    this.#allowedUpTo -= slots;
    if (this.#clientsUpTo !== Infinity) {
      this.#clientsUpTo = Math.min(this.#clientsUpTo + slots * this.#clientsShare, this.#served() + HEAD_START_SLOTS);
      this.#wake();
    }
    if (this.#allowedUpTo < 0) this.#earn();
    if (this.#allowedUpTo >= 0 && this.#clock.monotonicMs() - this.#sliceBegan < SLICE_MS) return undefined;
    return this.#rest();
  }

  #earn(): boolean {
    const served = this.#served();
    const share = SHARE_CALM + (SHARE_URGENT - SHARE_CALM) * this.urgency;
    this.#allowedUpTo += (served - this.#servedBefore) * share;
    const isServing = served !== this.#servedBefore;
    this.#servedBefore = served;
    return isServing;
  }

  #wake(): void {
    const moved = this.#moved;
    this.#moved = new Deferred();
    moved.resolve();
  }

  async #rest(): Promise<void> {
    await this.#clock.sleep(0);
    for (let waited = 0; this.#allowedUpTo < 0; waited++) {
      this.#refuseStopped();
      if (this.#earn()) waited = 0;
      else if (waited >= PATIENCE || this.urgency === 1 || this.clientsMustWait)
        this.#allowedUpTo = HEAD_START_SLOTS * 4;
      else await this.#clock.sleep(1);
    }
    this.#sliceBegan = this.#clock.monotonicMs();
    this.#refuseStopped();
  }

  #refuseStopped(): void {
    if (this.#stopped) throw new SystemError('conflict', 'DISK_CLOSED', 'the disk was closed');
  }
}
