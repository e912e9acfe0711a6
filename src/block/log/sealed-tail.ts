import { SLOT_SIZE_BYTES } from '../format/slot-format.ts';

/** 32 MiB: the chunks of one background sync. Memory that was touched once is several times faster than fresh memory. */
const SPARE_SLOTS_MAX = 32 * 256;

/**
 * By size of a chunk in slots, for all disks of this process: one that is idle keeps next to nothing. They hold sealed
 * bytes only, which are in the files as well.
 */
const SPARE = new Map<number, Uint8Array[]>();

/** Chunks of sealed slots that no segment of any disk needs at the moment. */
export class ChunkPool {
  readonly chunkSlots: number;
  readonly #spare: Uint8Array[];

  constructor(chunkSlots: number) {
    this.chunkSlots = chunkSlots;
    this.#spare = SPARE.get(chunkSlots) ?? [];
    SPARE.set(chunkSlots, this.#spare);
  }

  take(): Uint8Array {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.chunkSlots * SLOT_SIZE_BYTES);
  }

  give(chunk: Uint8Array): void {
    if ((this.#spare.length + 1) * this.chunkSlots <= SPARE_SLOTS_MAX) this.#spare.push(chunk);
  }
}

/**
 * The sealed slots of one segment that are not durable yet, exactly as they are or will be in its file.
 * Reads of slots in flight and the rescue after a failed sync take them from here.
 */
export class SealedTail {
  readonly #pool: ChunkPool;
  readonly #chunks = new Map<number, Uint8Array>();

  constructor(pool: ChunkPool) {
    this.#pool = pool;
  }

  /** 4128 bytes to seal slot `slot` into. */
  place(slot: number): Uint8Array {
    const index = Math.floor(slot / this.#pool.chunkSlots);
    let chunk = this.#chunks.get(index);
    if (chunk === undefined) {
      chunk = this.#pool.take();
      this.#chunks.set(index, chunk);
    }
    const at = (slot % this.#pool.chunkSlots) * SLOT_SIZE_BYTES;
    return chunk.subarray(at, at + SLOT_SIZE_BYTES);
  }

  /** The sealed slot, to be used before the next await; undefined when it was released or never sealed. */
  peek(slot: number): Uint8Array | undefined {
    const chunk = this.#chunks.get(Math.floor(slot / this.#pool.chunkSlots));
    const at = (slot % this.#pool.chunkSlots) * SLOT_SIZE_BYTES;
    return chunk?.subarray(at, at + SLOT_SIZE_BYTES);
  }

  /** Consecutive bytes of the slots from `first` up to `end`, or of as many as lie together. */
  run(first: number, end: number): { readonly bytes: Uint8Array; readonly end: number } | undefined {
    const chunk = this.#chunks.get(Math.floor(first / this.#pool.chunkSlots));
    if (chunk === undefined || first >= end) return undefined;
    const inChunk = first % this.#pool.chunkSlots;
    const count = Math.min(end - first, this.#pool.chunkSlots - inChunk);
    const bytes = chunk.subarray(inChunk * SLOT_SIZE_BYTES, (inChunk + count) * SLOT_SIZE_BYTES);
    return { bytes, end: first + count };
  }

  /** Forgets whole chunks below `durable`. */
  release(durable: number): void {
    for (const [index, chunk] of this.#chunks) {
      if ((index + 1) * this.#pool.chunkSlots > durable) continue;
      this.#chunks.delete(index);
      this.#pool.give(chunk);
    }
  }

  /** Forgets everything. */
  clear(): void {
    for (const chunk of this.#chunks.values()) this.#pool.give(chunk);
    this.#chunks.clear();
  }
}
