/**
 * How many bytes of payload may be held for requests: by the connections of one export, or of a server. A part of what
 * an export may hold is its own, so that clients of others who read no replies cannot take it. Who finds no room waits
 * for a turn; turns are given in order of asking.
 */
export class Budget {
  readonly #maxBytes: number;
  readonly #parent: Budget | undefined;
  readonly #ownBytes: number;
  readonly #waiting = new Set<() => void>();
  #usedBytes = 0;

  /** @param ownBytes are there whatever the parent has left. */
  constructor(maxBytes: number, parent?: Budget, ownBytes = 0) {
    this.#maxBytes = maxBytes;
    this.#parent = parent;
    this.#ownBytes = ownBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether one more request may be taken, whatever its size: so the most is `maxBytes` and one payload. */
  hasRoom(): boolean {
    if (this.#usedBytes >= this.#maxBytes) return false;
    return this.#usedBytes < this.#ownBytes || this.#parent === undefined || this.#parent.hasRoom();
  }

  take(bytes: number): void {
    this.#usedBytes += bytes;
    this.#parent?.take(bytes);
  }

  giveBack(bytes: number): void {
    this.#usedBytes -= bytes;
    this.#parent?.giveBack(bytes);
    this.#wakeWaiting();
  }

  /** Calls `wake` when there may be room again; more than once, unless it is forgotten then. */
  wait(wake: () => void): void {
    this.#waiting.add(wake);
    // Only who could go on when the parent has room: anybody else would come back to it at once, and for ever.
    if (this.#usedBytes < this.#maxBytes) this.#parent?.wait(wake);
  }

  /** Takes back what `wait` was told. */
  forget(wake: () => void): void {
    this.#waiting.delete(wake);
    this.#parent?.forget(wake);
  }

  #wakeWaiting(): void {
    while (this.#waiting.size > 0 && this.hasRoom()) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      this.#waiting.delete(next);
      next();
    }
  }
}
