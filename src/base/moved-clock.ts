import { assert } from './assert.ts';
import type { Clock } from './clock.ts';

/**
 * A clock whose date can be put forward, for tests that cannot wait for days. The pace stays as it is: a sleep of a
 * second takes a second.
 */
export class MovedClock implements Clock {
  readonly #base: Clock;
  #aheadMs: number;

  /** @param aheadMs how far it is ahead of `base` at the start. */
  constructor(base: Clock, aheadMs: number) {
    this.#base = base;
    this.#aheadMs = aheadMs;
  }

  get aheadMs(): number {
    return this.#aheadMs;
  }

  moveForward(ms: number): void {
    assert(Number.isSafeInteger(ms) && ms > 0, 'a clock is only put forward');
    this.#aheadMs += ms;
  }

  nowMs(): number {
    return this.#base.nowMs() + this.#aheadMs;
  }

  monotonicMs(): number {
    return this.#base.monotonicMs();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#base.sleep(ms, signal);
  }

  every(ms: number, tick: () => void): Disposable {
    return this.#base.every(ms, tick);
  }
}
