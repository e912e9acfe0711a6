import { corrupt } from '../files/io-errors.ts';
import { toHex } from '../format/fixed-bytes.ts';
import type { SegmentEntry, SegmentTable } from '../format/table-format.ts';
import { SegmentFile } from './segment-file.ts';
import type { SegmentFileParts } from './segment-file.ts';
import { SegmentRanges } from './segment-ranges.ts';

interface Known {
  readonly entry: SegmentEntry;
  readonly name: string;
  readonly file: SegmentFile;
}

/** One object for each file, however many states name it: who replaces a file must reach everybody who reads it. */
class SharedFiles {
  readonly #parts: SegmentFileParts;
  readonly #byName = new Map<string, { readonly file: SegmentFile; users: number }>();

  constructor(parts: SegmentFileParts) {
    this.#parts = parts;
  }

  take(name: string, path: string, number: number): SegmentFile {
    let shared = this.#byName.get(name);
    if (shared === undefined) {
      shared = { file: new SegmentFile(path, number, this.#parts), users: 0 };
      this.#byName.set(name, shared);
    }
    shared.users += 1;
    return shared.file;
  }

  give(name: string): void {
    const shared = this.#byName.get(name);
    if (shared === undefined) return;
    shared.users -= 1;
    if (shared.users > 0) return;
    this.#byName.delete(name);
    void shared.file.forget();
  }
}

/** The segments of one state of a disk, by number, and their files for reading. */
export class SegmentStore {
  readonly directory: string;
  /** The same segments, as the table that a checkpoint writes. */
  readonly ranges: SegmentRanges;
  readonly #shared: SharedFiles;
  readonly #known = new Map<number, Known>();

  /** @param table what it begins with: nothing, if it is left out. */
  constructor(
    directory: string,
    parts: SegmentFileParts | SharedFiles,
    table: Pick<SegmentTable, 'segments' | 'chunks'> = { segments: [], chunks: [] },
  ) {
    this.directory = directory;
    this.#shared = parts instanceof SharedFiles ? parts : new SharedFiles(parts);
    this.ranges = new SegmentRanges(table);
    for (const entry of table.segments) this.#know(entry);
  }

  /** A store for another state of the same disk, to be closed by who asked for it. It shares open files with this one. */
  sibling(): SegmentStore {
    return new SegmentStore(this.directory, this.#shared);
  }

  put(entry: SegmentEntry): void {
    this.ranges.put(entry);
    this.#know(entry);
  }

  remove(number: number): void {
    const known = this.#known.get(number);
    if (known === undefined) return;
    this.ranges.remove(number);
    this.#forget(known);
  }

  /** @throws {SystemError} kind `corrupt`: the map names a segment that the table lacks. */
  entry(number: number): SegmentEntry {
    return this.#segment(number).entry;
  }

  find(number: number): SegmentEntry | undefined {
    return this.#known.get(number)?.entry;
  }

  entries(): SegmentEntry[] {
    return Array.from(this.#known.values(), ({ entry }) => entry);
  }

  get size(): number {
    return this.#known.size;
  }

  file(number: number): SegmentFile {
    return this.#segment(number).file;
  }

  pathOf(id: Uint8Array): string {
    return `${this.directory}/${toHex(id)}`;
  }

  /**
   * Fills `buffer` with the sealed bytes of consecutive slots; those that the file lacks become zeroes. Answers the
   * segment whose file was read: at the end of the wait another may have its number, with the same blocks under another
   * epoch.
   */
  async readSlots(number: number, firstSlot: number, buffer: Uint8Array): Promise<SegmentEntry> {
    for (;;) {
      const known = this.#segment(number);
      try {
        await known.file.read(firstSlot, buffer);
        return known.entry;
      } catch (error) {
        // Its file may be gone because there is a newer one.
        if (this.#segment(number).name === known.name) throw error;
      }
    }
  }

  /**
   * The sealed bytes of consecutive slots without waiting, if the file is open and they are in memory: the first ones of
   * the answer, to be used before the next await.
   */
  readSlotsCached(number: number, firstSlot: number, count: number): Uint8Array | undefined {
    return this.#known.get(number)?.file.readCached(firstSlot, count);
  }

  /** The file under this number was replaced: the next read opens it anew. */
  forgetFile(number: number): void {
    void this.#known.get(number)?.file.forget();
  }

  close(): void {
    for (const known of this.#known.values()) this.#forget(known);
  }

  #segment(number: number): Known {
    const known = this.#known.get(number);
    if (known === undefined) throw corrupt('SEGMENT_UNKNOWN', `segment ${number} is not in the disk's segment table`);
    return known;
  }

  #know(entry: SegmentEntry): void {
    const before = this.#known.get(entry.number);
    const name = toHex(entry.id);
    if (before?.name === name) {
      this.#known.set(entry.number, { entry, name, file: before.file });
      return;
    }
    const file = this.#shared.take(name, this.pathOf(entry.id), entry.number);
    this.#known.set(entry.number, { entry, name, file });
    if (before !== undefined) this.#shared.give(before.name);
  }

  #forget({ entry, name }: Known): void {
    this.#known.delete(entry.number);
    this.#shared.give(name);
  }
}
