import type { Points } from './sorted-points.ts';

const PLACES_MIN = 256;

/**
 * Block number -> address, open addressing in two typed arrays: 16 bytes a place, 32 MiB for a million blocks, where a
 * `Map` takes three times as much. Entries are overwritten, never removed.
 */
export class BlockTable {
  #blocks: Float64Array;
  #addresses: Float64Array;
  #size = 0;

  /** @param expected entries that it takes without growing: doubling a large table keeps everybody waiting. */
  constructor(expected = 0) {
    const places = Math.max(PLACES_MIN, 2 ** Math.ceil(Math.log2(2 * expected + 1)));
    this.#blocks = new Float64Array(places).fill(-1);
    this.#addresses = new Float64Array(places);
  }

  get size(): number {
    return this.#size;
  }

  get(block: number): number | undefined {
    const place = this.#placeOf(block);
    return this.#blocks[place] === block ? this.#addresses[place] : undefined;
  }

  set(block: number, address: number): void {
    let place = this.#placeOf(block);
    if (this.#blocks[place] !== block) {
      if (this.#size * 2 >= this.#blocks.length) {
        this.#grow();
        place = this.#placeOf(block);
      }
      this.#blocks[place] = block;
      this.#size += 1;
    }
    this.#addresses[place] = address;
  }

  /** Gives every entry from `first` up to `end` the same address; adds none. */
  overwriteRange(first: number, end: number, address: number): void {
    if (end - first < this.#blocks.length) {
      for (let block = first; block < end; block++) {
        const place = this.#placeOf(block);
        if (this.#blocks[place] === block) this.#addresses[place] = address;
      }
      return;
    }
    for (let place = 0; place < this.#blocks.length; place++) {
      const block = this.#blocks[place] ?? -1;
      if (block >= first && block < end) this.#addresses[place] = address;
    }
  }

  forEach(visit: (block: number, address: number) => void): void {
    for (let place = 0; place < this.#blocks.length; place++) {
      const block = this.#blocks[place] ?? -1;
      if (block >= 0) visit(block, this.#addresses[place] ?? 0);
    }
  }

  /** All entries, in no order. */
  entries(): Points {
    const blocks = new Float64Array(this.#size);
    const addresses = new Float64Array(this.#size);
    let at = 0;
    this.forEach((block, address) => {
      blocks[at] = block;
      addresses[at] = address;
      at += 1;
    });
    return { blocks, addresses };
  }

  /** Where `block` is, or the free place where it belongs. */
  #placeOf(block: number): number {
    const mask = this.#blocks.length - 1;
    // Multiplicative hashing of both halves: block numbers have up to 34 bits, so neither may be dropped.
    const low = block % 2 ** 32;
    const high = (block - low) / 2 ** 32;
    let place = (Math.imul(low, 0x9e3779b1) ^ Math.imul(high + 1, 0x85ebca6b)) >>> 0;
    place = (place ^ (place >>> 15)) & mask;
    while (this.#blocks[place] !== block && this.#blocks[place] !== -1) place = (place + 1) & mask;
    return place;
  }

  #grow(): void {
    const blocks = this.#blocks;
    const addresses = this.#addresses;
    this.#blocks = new Float64Array(blocks.length * 2).fill(-1);
    this.#addresses = new Float64Array(blocks.length * 2);
    for (let old = 0; old < blocks.length; old++) {
      const block = blocks[old] ?? -1;
      if (block < 0) continue;
      const place = this.#placeOf(block);
      this.#blocks[place] = block;
      this.#addresses[place] = addresses[old] ?? 0;
    }
  }
}
