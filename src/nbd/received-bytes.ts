/** Bytes that arrived and were not taken yet, as the chunks in which the socket gave them. Copies only across a seam. */
export class ReceivedBytes {
  readonly #chunks: Buffer[] = [];
  /** How much of the first chunk is taken already. */
  #taken = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The chunk is kept, not copied: the caller gives it away. */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The next `length` bytes, at most `this.length`: a view when one chunk has them all, else a copy. */
  take(length: number): Buffer {
    const first = this.#chunks[0];
    if (first !== undefined && first.length - this.#taken >= length) {
      const view = first.subarray(this.#taken, this.#taken + length);
      this.#advance(first, length);
      return view;
    }
    if (length > this.#length) throw new RangeError('bug: took more bytes than had arrived');
    const copy = Buffer.allocUnsafeSlow(length);
    this.takeInto(copy, 0);
    return copy;
  }

  /** Moves bytes into `target` from `at` on, as many as there are and fit. Answers how many. */
  takeInto(target: Buffer, at: number): number {
    let moved = 0;
    while (at + moved < target.length) {
      const first = this.#chunks[0];
      if (first === undefined) break;
      const count = Math.min(first.length - this.#taken, target.length - at - moved);
      first.copy(target, at + moved, this.#taken, this.#taken + count);
      this.#advance(first, count);
      moved += count;
    }
    return moved;
  }

  /** Drops up to `length` bytes. Answers how many. */
  skip(length: number): number {
    let skipped = 0;
    while (skipped < length) {
      const first = this.#chunks[0];
      if (first === undefined) break;
      const count = Math.min(first.length - this.#taken, length - skipped);
      this.#advance(first, count);
      skipped += count;
    }
    return skipped;
  }

  #advance(first: Buffer, count: number): void {
    this.#taken += count;
    this.#length -= count;
    if (this.#taken === first.length) {
      this.#chunks.shift();
      this.#taken = 0;
    }
  }
}
