import type { Clock } from '../base/clock.ts';
import { SystemError } from '../base/errors.ts';

/** So long background work keeps the main thread before it lets I/O in. */
const SLICE_MS = 4;
/** How long it rests after each millisecond of work while clients are served: from ample space to hardly any. */
const REST_SHARE_CALM = 4;
const REST_SHARE_URGENT = 0.25;
const REST_MS_MAX = 200;

/**
 * The pace of background work: short slices, and rests between them that are long while clients are served and short when
 * space is. It measures itself: where the device is slow, a slice takes longer and so does the rest. Under a clock that
 * stands still it never rests, so that a simulation meets the same order every time.
 */
export class Background {
  /** From 0 to 1: how badly the outcome is needed. */
  urgency = 0;
  #stopped = false;
  readonly #clock: Clock;
  readonly #activity: () => number;
  #lastActivity = 0;
  #since: number;

  /** @param activity grows whenever a client is served. */
  constructor(clock: Clock, activity: () => number) {
    this.#clock = clock;
    this.#activity = activity;
    this.#since = clock.monotonicMs();
  }

  /** What runs ends at its next step. */
  stop(): void {
    this.#stopped = true;
  }

  /** Work may go on, or begin again. */
  resume(): void {
    this.#stopped = false;
  }

  /** To be called before work begins: what came before was no work. */
  begin(): void {
    this.#since = this.#clock.monotonicMs();
  }

  /**
   * To be awaited after each small piece of work, if it answers anything.
   * @throws {SystemError} kind `conflict`: the work was told to end.
   */
  step(): Promise<void> | undefined {
    this.#refuseStopped();
    const worked = this.#clock.monotonicMs() - this.#since;
    return worked < SLICE_MS ? undefined : this.#rest(worked);
  }

  async #rest(worked: number): Promise<void> {
    const activity = this.#activity();
    const isBusy = activity !== this.#lastActivity;
    this.#lastActivity = activity;
    const share = REST_SHARE_CALM + (REST_SHARE_URGENT - REST_SHARE_CALM) * this.urgency;
    await this.#clock.sleep(isBusy ? Math.min(REST_MS_MAX, Math.ceil(worked * share)) : 0);
    this.#since = this.#clock.monotonicMs();
    this.#refuseStopped();
  }

  #refuseStopped(): void {
    if (this.#stopped) throw new SystemError('conflict', 'DISK_CLOSED', 'the disk was closed');
  }
}
