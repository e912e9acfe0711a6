import { toHex } from './fixed-bytes.ts';
import { osCode } from './file-system.ts';
import type { FileSystem, OpenFile } from './file-system.ts';
import { corrupt, ioError } from './io-errors.ts';
import { SLOT_SIZE_BYTES, slotOffset } from './slot-format.ts';
import type { SegmentEntry } from './table-format.ts';

/** One open file and who is reading from it. */
interface Reader {
  readonly file: OpenFile;
  users: number;
  /** No longer offered to new readers; the last one closes it. */
  retired: boolean;
}

/** The segments of one disk, by number, and their files open for reading. */
export class SegmentStore {
  readonly directory: string;
  readonly #files: FileSystem;
  readonly #openMax: number;
  readonly #entries = new Map<number, SegmentEntry>();
  /** In order of last use. */
  readonly #readers = new Map<number, Reader>();
  readonly #opening = new Map<number, Promise<Reader>>();
  /** Grows when a file is replaced, so that one opened meanwhile under the old name is not kept. */
  #generation = 0;

  constructor(files: FileSystem, directory: string, openMax: number) {
    this.#files = files;
    this.directory = directory;
    this.#openMax = openMax;
  }

  put(entry: SegmentEntry): void {
    this.#entries.set(entry.number, entry);
  }

  remove(number: number): void {
    this.#entries.delete(number);
    this.forgetFile(number);
  }

  /** @throws {SystemError} kind `corrupt`: the map names a segment that the table lacks. */
  entry(number: number): SegmentEntry {
    const entry = this.#entries.get(number);
    if (entry === undefined) throw corrupt('SEGMENT_UNKNOWN', `segment ${number} is not in the disk's segment table`);
    return entry;
  }

  entries(): SegmentEntry[] {
    return [...this.#entries.values()];
  }

  pathOf(id: Uint8Array): string {
    return `${this.directory}/${toHex(id)}`;
  }

  /** Fills `buffer` with the sealed bytes of consecutive slots; what lies past the end of the file stays zero. */
  async readSlots(number: number, firstSlot: number, buffer: Uint8Array): Promise<void> {
    const reader = await this.#reader(number);
    reader.users += 1;
    try {
      const filled = await reader.file.read(buffer, slotOffset(firstSlot));
      buffer.fill(0, filled);
    } catch (error) {
      throw ioError(`reading segment ${number}`, error);
    } finally {
      reader.users -= 1;
      closeWhenDone(reader);
    }
  }

  /**
   * The sealed bytes of consecutive slots without waiting, if the file is open and they are in memory: the first ones of
   * the answer, to be used before the next await.
   */
  readSlotsCached(number: number, firstSlot: number, count: number): Uint8Array | undefined {
    return this.#readers.get(number)?.file.readCached?.(count * SLOT_SIZE_BYTES, slotOffset(firstSlot));
  }

  /** The file under this number was replaced: the next read opens it anew. */
  forgetFile(number: number): void {
    this.#generation += 1;
    this.#retire(number);
  }

  close(): void {
    for (const number of this.#readers.keys()) this.#retire(number);
  }

  #retire(number: number): void {
    const reader = this.#readers.get(number);
    if (reader === undefined) return;
    this.#readers.delete(number);
    reader.retired = true;
    closeWhenDone(reader);
  }

  async #reader(number: number): Promise<Reader> {
    const known = this.#readers.get(number);
    if (known !== undefined) {
      this.#readers.delete(number);
      this.#readers.set(number, known);
      return known;
    }
    const pending = this.#opening.get(number);
    if (pending !== undefined) return pending;
    const opening = this.#open(number);
    this.#opening.set(number, opening);
    try {
      return await opening;
    } finally {
      this.#opening.delete(number);
    }
  }

  async #open(number: number): Promise<Reader> {
    const path = this.pathOf(this.entry(number).id);
    const generation = this.#generation;
    const file = await this.#files.open(path, 'read').catch((error: unknown) => {
      if (osCode(error) === 'ENOENT')
        throw corrupt('SEGMENT_MISSING', `segment ${number} has no file ${toHex(this.entry(number).id)}`);
      throw ioError(`opening segment ${number}`, error);
    });
    if (generation !== this.#generation) {
      await file.close();
      return this.#open(number);
    }
    const reader: Reader = { file, users: 0, retired: false };
    this.#readers.set(number, reader);
    for (const [other, candidate] of this.#readers) {
      if (this.#readers.size <= this.#openMax) break;
      if (candidate.users === 0 && other !== number) this.#retire(other);
    }
    return reader;
  }
}

function closeWhenDone(reader: Reader): void {
  if (reader.retired && reader.users === 0) void reader.file.close().catch(() => undefined);
}
