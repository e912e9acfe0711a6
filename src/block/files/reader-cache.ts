/** A file that is open for reading and may be closed when nobody uses it: the next read opens it again. */
export interface Closable {
  readonly isBusy: boolean;
  /** Set by reads, cleared here. */
  usedLately: boolean;
  /** Lets go of the file without a word to this cache. */
  letGo(): void;
}

/**
 * Which segment files are open for reading, over all disks of a process: idle disks hold few, a busy one many. Those
 * that were not used for the longest time are closed first (the "second chance" order, which costs a read one store).
 */
export class ReaderCache {
  readonly #max: number;
  /** Oldest first. */
  readonly #open = new Set<Closable>();

  /** @param max files. Those that are being read may exceed it for the moment. */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#open.size;
  }

  add(reader: Closable): void {
    this.#open.add(reader);
    let looks = this.#open.size * 2;
    for (const candidate of this.#open) {
      if (this.#open.size <= this.#max || looks-- === 0) break;
      if (candidate === reader) continue;
      this.#open.delete(candidate);
      if (candidate.isBusy || candidate.usedLately) {
        candidate.usedLately = false;
        this.#open.add(candidate);
      } else {
        candidate.letGo();
      }
    }
  }

  remove(reader: Closable): void {
    this.#open.delete(reader);
  }
}
