const WORD_BITS = 32;

/** A set of slots of one segment: one bit for each, 2 KiB for a segment of the usual capacity. */
export class SlotSet {
  /** Slot i is bit i % 32 of word ⌊i / 32⌋. */
  words: Uint32Array;
  #count = 0;

  /** @param capacity slots below it need no more memory. */
  constructor(capacity: number) {
    this.words = new Uint32Array(Math.ceil(capacity / WORD_BITS));
  }

  get count(): number {
    return this.#count;
  }

  has(slot: number): boolean {
    return ((this.words[Math.floor(slot / WORD_BITS)] ?? 0) & (1 << (slot % WORD_BITS))) !== 0;
  }

  /** False when the slot was there before. */
  add(slot: number): boolean {
    const at = Math.floor(slot / WORD_BITS);
    if (at >= this.words.length) this.reserve(slot + 1);
    const word = this.words[at] ?? 0;
    const bit = 1 << (slot % WORD_BITS);
    if ((word & bit) !== 0) return false;
    this.words[at] = word | bit;
    this.#count += 1;
    return true;
  }

  /** Memory for the slots below `capacity`. */
  reserve(capacity: number): void {
    const grown = new Uint32Array(Math.max(this.words.length, Math.ceil(capacity / WORD_BITS)));
    grown.set(this.words);
    this.words = grown;
  }

  /** Neighbours together, in order, at most `most` in one run. */
  *runs(most: number): Generator<{ readonly first: number; readonly count: number }> {
    const end = this.words.length * WORD_BITS;
    for (let slot = 0; slot < end; slot++) {
      if (slot % WORD_BITS === 0 && this.words[slot / WORD_BITS] === 0) slot += WORD_BITS - 1;
      else if (this.has(slot)) {
        const first = slot;
        while (slot + 1 < end && slot + 1 - first < most && this.has(slot + 1)) slot += 1;
        yield { first, count: slot + 1 - first };
      }
    }
  }

  /** The first slot from `from` on. */
  next(from: number): number | undefined {
    for (let slot = from; slot < this.words.length * WORD_BITS; slot++) {
      if (slot % WORD_BITS === 0 && this.words[slot / WORD_BITS] === 0) slot += WORD_BITS - 1;
      else if (this.has(slot)) return slot;
    }
    return undefined;
  }

  /** The last slot before `end`. */
  last(end: number): number | undefined {
    for (let slot = end - 1; slot >= 0; slot--) if (this.has(slot)) return slot;
    return undefined;
  }
}

/** How many bits of a word are set. */
export function bitsIn(word: number): number {
  let rest = word - ((word >>> 1) & 0x55555555);
  rest = (rest & 0x33333333) + ((rest >>> 2) & 0x33333333);
  return Math.imul((rest + (rest >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
