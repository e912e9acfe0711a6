import type { CommittedReader } from './reader.ts';

/** Clients choose part of a key; with a longer one nothing is kept, so that they cannot fill the memory. */
const KEY_CHARACTERS_MAX = 1_024;

interface Kept<Value> {
  readonly value: Value;
}

/**
 * What was read and worked out, for as long as nothing at all was committed to the database. The first call after any
 * commit reads and verifies the rows anew, so that a change, also one behind our back, counts from the next call.
 */
export class WhileUnchanged<Value> {
  readonly #reader: CommittedReader;
  readonly #sizeMax: number;
  readonly #kept = new Map<string, Kept<Value>>();
  #version = -1;

  /** @param sizeMax when more than that would be kept, all others are forgotten. */
  constructor(reader: CommittedReader, sizeMax: number) {
    this.#reader = reader;
    this.#sizeMax = sizeMax;
  }

  /** What `read` answers, or answered before. */
  async get(key: string, read: () => Promise<Value>): Promise<Value> {
    if (key.length > KEY_CHARACTERS_MAX) return read();
    const version = this.#reader.version();
    if (version !== this.#version) this.#kept.clear();
    this.#version = version;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept.value;
    const value = await read();
    // After a commit in the middle of the reading, what was read is partly of before it.
    if (this.#reader.version() !== version || this.#version !== version) return value;
    if (this.#kept.size >= this.#sizeMax) this.#kept.clear();
    this.#kept.set(key, { value });
    return value;
  }
}
