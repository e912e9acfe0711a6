import { Deferred } from '../../base/deferred.ts';

/**
 * Does the same thing again and again, once at a time: whoever asks while it runs shares the next run with all others
 * who do, since a run covers only what was there when it began.
 */
export class GroupCommit {
  readonly #run: () => Promise<void>;
  readonly #begin: 'at once' | 'after this turn';
  #waiting: Deferred | undefined;
  #running: Promise<void> | undefined;

  /** @param begin `after this turn` lets the first run collect whatever is asked for before the current turn ends. */
  constructor(begin: 'at once' | 'after this turn', run: () => Promise<void>) {
    this.#begin = begin;
    this.#run = run;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Settles like the run that covers everything before this call. */
  join(): Promise<void> {
    if (this.#waiting !== undefined) return this.#waiting.promise;
    const { promise } = (this.#waiting = new Deferred());
    if (this.#begin === 'at once') this.#start();
    else queueMicrotask(() => this.#start());
    return promise;
  }

  /** Resolves when nothing runs any more, whatever came of it. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #start(): void {
    this.#running ??= this.#loop();
  }

  async #loop(): Promise<void> {
    for (let group = this.#waiting; group !== undefined; group = this.#waiting) {
      this.#waiting = undefined;
      try {
        await this.#run();
        group.resolve();
      } catch (error) {
        group.reject(error);
      }
    }
    this.#running = undefined;
  }
}
