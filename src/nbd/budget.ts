/**
 * How many bytes of payload may be held for requests: by the connections of one export, or of a server. Who finds no
 * room waits for a turn; turns are given in order of asking.
 */
export class Budget {
  readonly #maxBytes: number;
  readonly #parent: Budget | undefined;
  readonly #waiting = new Set<() => void>();
  #usedBytes = 0;

  constructor(maxBytes: number, parent?: Budget) {
    this.#maxBytes = maxBytes;
    this.#parent = parent;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether one more request may be taken, whatever its size: so the most is `maxBytes` and one payload. */
  hasRoom(): boolean {
    return this.#usedBytes < this.#maxBytes && (this.#parent === undefined || this.#parent.hasRoom());
  }

  take(bytes: number): void {
    this.#usedBytes += bytes;
    this.#parent?.take(bytes);
  }

  giveBack(bytes: number): void {
    this.#usedBytes -= bytes;
    this.#wakeWaiting();
    this.#parent?.giveBack(bytes);
  }

  /** Calls `wake` once when there may be room again. */
  wait(wake: () => void): void {
    if (this.#usedBytes >= this.#maxBytes) this.#waiting.add(wake);
    else this.#parent?.wait(wake);
  }

  /** Takes back what `wait` was told. */
  forget(wake: () => void): void {
    this.#waiting.delete(wake);
    this.#parent?.forget(wake);
  }

  #wakeWaiting(): void {
    while (this.#waiting.size > 0 && this.#usedBytes < this.#maxBytes) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      this.#waiting.delete(next);
      next();
    }
  }
}
