import { SystemError } from '../../base/errors.ts';

/** What is under way on an open disk, and whether more may begin. */
export class Operations {
  #condition: 'open' | 'closing' | 'closed' = 'open';
  readonly #running = new Set<Promise<unknown>>();
  #ending = new AbortController();

  get isOpen(): boolean {
    return this.#condition === 'open';
  }

  get isClosed(): boolean {
    return this.#condition === 'closed';
  }

  /** Ends what takes long when the disk is closed. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** @throws {SystemError} kind `conflict`: the disk is closed, or about to be. */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    this.check();
    const running = operation();
    this.#running.add(running);
    const done = (): boolean => this.#running.delete(running);
    running.then(done, done);
    return running;
  }

  /** @throws {SystemError} kind `conflict`: the disk is closed, or about to be. */
  check(): void {
    if (this.#condition !== 'open') throw new SystemError('conflict', 'DISK_CLOSED', 'the disk is closed');
  }

  /** Nothing begins any more; what takes long ends. */
  beginClose(): void {
    this.check();
    this.#condition = 'closing';
    this.#abort();
  }

  /** The close failed. */
  reopen(): void {
    this.#condition = 'open';
    this.#ending = new AbortController();
  }

  /** For good. */
  end(): void {
    this.#condition = 'closed';
    this.#abort();
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  #abort(): void {
    this.#ending.abort(new SystemError('conflict', 'SCRUB_STOPPED', 'the disk was closed while it was scrubbed'));
  }
}
