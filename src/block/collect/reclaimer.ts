import type { Environment } from '../files/environment.ts';
import { addAll, noFiles } from '../tables/named-files.ts';
import type { NamedFiles } from '../tables/named-files.ts';
import { removeUnnamed } from './reclaim.ts';

/**
 * Removes what deleted snapshots of an open disk leave behind. To know that nobody else needs a file every root has to be
 * read, so that this is done for all snapshots at once that were deleted while it was done before.
 */
export class Reclaimer {
  readonly #env: Environment;
  readonly #directory: string;
  readonly #alone: <T>(work: () => Promise<T>) => Promise<T>;
  #waiting = noFiles();
  #running: Promise<void> | undefined;

  /** @param alone runs work while nobody replaces segments: a root may name a file before the head does. */
  constructor(env: Environment, directory: string, alone: <T>(work: () => Promise<T>) => Promise<T>) {
    this.#env = env;
    this.#directory = directory;
    this.#alone = alone;
  }

  /** @param listed what a root listed that is gone, durably. */
  add(listed: NamedFiles): void {
    addAll(this.#waiting, listed);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when nothing is left to do. */
  async done(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.segments.size + this.#waiting.chunks.size > 0) {
      const candidates = this.#waiting;
      this.#waiting = noFiles();
      await this.#alone(() => removeUnnamed(this.#env, this.#directory, candidates));
    }
  }
}
