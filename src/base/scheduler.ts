import type { Clock } from './clock.ts';
import { messageOf } from './errors.ts';
import type { Logger } from './log.ts';
import { Mutex } from './mutex.ts';

/** Does everything that is due, and answers when there is something to do next; undefined: nothing waits for a time. */
export type WaitingWork = () => Promise<number | undefined>;

/** Nothing that becomes due between two looks, or whose clock was set, waits longer than this. */
const LOOK_EVERY_MS = 60_000;

/**
 * Wakes what waits for a time: at the time that the work itself named, and once a minute whatever it named, since work may
 * have been added meanwhile or have failed. One piece of work after the other.
 */
export class Scheduler implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #log: Logger;
  /** By what a person calls it in the log. */
  readonly #work: ReadonlyMap<string, WaitingWork>;
  readonly #passes = new Mutex();
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(clock: Clock, log: Logger, work: Readonly<Record<string, WaitingWork>>) {
    this.#clock = clock;
    this.#log = log;
    this.#work = new Map(Object.entries(work));
  }

  /** Begins with everything that is due now. */
  start(): void {
    this.#running = this.#run();
  }

  /** Does what is due now, and settles when it is done: for whoever put the clock forward. Failures are logged. */
  async runDue(): Promise<void> {
    await this.#pass();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the server is stopping'));
    await this.#running;
    await this.#passes.run(() => undefined);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const pauseMs = await this.#pass();
      await this.#clock.sleep(pauseMs, signal).catch(() => undefined);
    }
  }

  /** Answers how long to wait until the next one. */
  #pass(): Promise<number> {
    return this.#passes.run(async () => {
      let pauseMs = LOOK_EVERY_MS;
      for (const [name, work] of this.#work) {
        if (this.#stop.signal.aborted) break;
        const waitMs = await this.#waitAfter(name, work);
        // What is due still, or failed, is not tried again at once.
        if (waitMs > 0) pauseMs = Math.min(pauseMs, waitMs);
      }
      return pauseMs;
    });
  }

  async #waitAfter(name: string, work: WaitingWork): Promise<number> {
    try {
      const dueMs = await work();
      return dueMs === undefined ? LOOK_EVERY_MS : dueMs - this.#clock.nowMs();
    } catch (error) {
      this.#log.error({ reason: messageOf(error) }, `${name}: failed, and is tried again`);
      return LOOK_EVERY_MS;
    }
  }
}
