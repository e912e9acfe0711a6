/** Leaves of the map that a walk visits in one go: 128 take 1 to 3 ms. */
const STEPS = 128;

/**
 * Keeps a long walk over maps in short slices, between which I/O is served. Counts steps instead of time, so that a
 * simulation meets the same order every time.
 */
export class Slices {
  #steps = 0;

  /** To be awaited after each step; undefined when there is nothing to wait for. @param cost in leaves. */
  step(cost = 1): Promise<void> | undefined {
    this.#steps += cost;
    if (this.#steps < STEPS) return undefined;
    this.#steps = 0;
    return new Promise((resolve) => setImmediate(resolve));
  }
}
