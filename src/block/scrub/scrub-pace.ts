import type { Clock } from '../../base/clock.ts';

/** What a busy machine did not let it read is not caught up with, beyond this. */
const CATCH_UP_MS = 100;

/** Holds a long reading to its rate, and lets others have their turn between its slices. */
export class ScrubPace {
  readonly #clock: Clock;
  readonly #rateBytes: number | undefined;
  readonly #signal: AbortSignal | undefined;
  #dueMs: number | undefined;

  /** @param options.rateBytes bytes in a second; undefined: as fast as it goes. */
  constructor(
    clock: Clock,
    options: { readonly rateBytes?: number | undefined; readonly signal?: AbortSignal | undefined },
  ) {
    this.#clock = clock;
    this.#rateBytes = options.rateBytes;
    this.#signal = options.signal;
  }

  /** To be awaited after so many bytes. @throws the signal's reason. */
  async read(bytes: number): Promise<void> {
    if (this.#rateBytes !== undefined) {
      const nowMs = this.#clock.monotonicMs();
      this.#dueMs = Math.max(this.#dueMs ?? nowMs, nowMs - CATCH_UP_MS) + (bytes * 1000) / this.#rateBytes;
      const waitMs = Math.floor(this.#dueMs - nowMs);
      if (waitMs > 0) await this.#clock.sleep(waitMs, this.#signal);
    }
    await this.slice();
  }

  /** To be awaited between slices of work. @throws the signal's reason. */
  async slice(): Promise<void> {
    this.#signal?.throwIfAborted();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
