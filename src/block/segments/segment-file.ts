import { Deferred } from '../../base/deferred.ts';
import type { Logger } from '../../base/log.ts';
import { osCode } from '../files/file-system.ts';
import type { FileSystem, OpenFile } from '../files/file-system.ts';
import { corrupt, ioError } from '../files/io-errors.ts';
import type { Closable, ReaderCache } from '../files/reader-cache.ts';
import { decodeDenseIndex, DENSE_INDEX_AT, DENSE_INDEX_SIZE_BYTES, denseOffset } from '../format/dense-format.ts';
import type { DenseIndex } from '../format/dense-format.ts';
import { SLOT_SIZE_BYTES, slotOffset, slotsInFile } from '../format/slot-format.ts';

export interface SegmentFileParts {
  readonly files: Pick<FileSystem, 'open'>;
  readonly cache: ReaderCache;
  readonly log: Logger;
}

/** One open file and who is reading from it. */
class Reader implements Closable {
  readonly file: OpenFile;
  readonly dense: DenseIndex | undefined;
  readonly closed = new Deferred();
  usedLately = false;
  #users = 0;
  #retired = false;

  constructor(file: OpenFile, dense: DenseIndex | undefined, letGo: (reader: Reader) => void) {
    this.file = file;
    this.dense = dense;
    this.letGo = () => letGo(this);
  }

  readonly letGo: () => void;

  get isBusy(): boolean {
    return this.#users > 0;
  }

  async use<T>(read: () => Promise<T>): Promise<T> {
    this.#users += 1;
    this.usedLately = true;
    try {
      return await read();
    } finally {
      this.#users -= 1;
      this.#closeWhenDone();
    }
  }

  /** No longer offered to new readers; the last one closes it. */
  retire(): void {
    this.#retired = true;
    this.#closeWhenDone();
  }

  #closeWhenDone(): void {
    if (!this.#retired || this.#users > 0) return;
    this.file.close().then(this.closed.resolve, this.closed.resolve);
  }
}

/** The file of one segment, in either layout, opened for reading when it is needed. */
export class SegmentFile {
  readonly path: string;
  readonly #number: number;
  readonly #parts: SegmentFileParts;
  #reader: Reader | undefined;
  #opening: Promise<Reader> | undefined;
  /** Grows when the file is replaced, so that one opened meanwhile under the old name is not kept. */
  #generation = 0;

  constructor(path: string, number: number, parts: SegmentFileParts) {
    this.path = path;
    this.#number = number;
    this.#parts = parts;
  }

  /** Fills `buffer` with the sealed bytes of consecutive slots; those that the file lacks become zeroes. */
  async read(firstSlot: number, buffer: Uint8Array): Promise<void> {
    const reader = this.#reader ?? (await this.#open());
    try {
      await reader.use(async () => {
        const { dense } = reader;
        if (dense === undefined) {
          buffer.fill(0, await reader.file.read(buffer, slotOffset(firstSlot)));
          return;
        }
        const place = dense.placeOf(firstSlot);
        const count = dense.placeOf(firstSlot + buffer.length / SLOT_SIZE_BYTES) - place;
        const bytes = buffer.subarray(0, count * SLOT_SIZE_BYTES);
        bytes.fill(0, await reader.file.read(bytes, denseOffset(place)));
        if (bytes.length < buffer.length) spread(dense, firstSlot, buffer);
      });
    } catch (error) {
      throw ioError(`reading segment ${this.#number}`, error);
    }
  }

  /**
   * The same without waiting, if the file is open and the bytes are in memory: the first ones of the answer, to be used
   * before the next await.
   */
  readCached(firstSlot: number, count: number): Uint8Array | undefined {
    const reader = this.#reader;
    if (reader?.file.readCached === undefined) return undefined;
    reader.usedLately = true;
    const length = count * SLOT_SIZE_BYTES;
    if (reader.dense === undefined) return reader.file.readCached(length, slotOffset(firstSlot));
    const place = reader.dense.placeOf(firstSlot);
    if (reader.dense.placeOf(firstSlot + count) - place !== count) return undefined;
    return reader.file.readCached(length, denseOffset(place));
  }

  /** How many slots the file has, and which ones if it is dense. */
  async contents(): Promise<{ readonly stored: number; readonly dense: DenseIndex | undefined }> {
    const reader = this.#reader ?? (await this.#open());
    try {
      return await reader.use(async () => ({
        stored: reader.dense?.slots.count ?? slotsInFile(await reader.file.sizeBytes()),
        dense: reader.dense,
      }));
    } catch (error) {
      throw ioError(`reading segment ${this.#number}`, error);
    }
  }

  /** The file was replaced or removed: the next read opens it anew. Resolves when nobody reads the old one any more. */
  async forget(): Promise<void> {
    this.#generation += 1;
    const reader = this.#reader;
    const opening = this.#opening;
    this.#retire();
    await opening?.catch(() => undefined);
    await reader?.closed.promise;
  }

  #retire(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    this.#reader = undefined;
    this.#parts.cache.remove(reader);
    reader.retire();
  }

  #open(): Promise<Reader> {
    this.#opening ??= this.#openNow().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #openNow(): Promise<Reader> {
    const { files, cache } = this.#parts;
    for (;;) {
      const generation = this.#generation;
      const file = await files.open(this.path, 'read').catch((error: unknown) => {
        if (osCode(error) === 'ENOENT') throw corrupt('SEGMENT_MISSING', `segment ${this.#number} has no file`);
        throw ioError(`opening segment ${this.#number}`, error);
      });
      const dense = await this.#layout(file);
      if (generation !== this.#generation) {
        await file.close();
        continue;
      }
      const reader = new Reader(file, dense, (self) => {
        if (this.#reader === self) this.#reader = undefined;
        self.retire();
      });
      this.#reader = reader;
      cache.add(reader);
      return reader;
    }
  }

  async #layout(file: OpenFile): Promise<DenseIndex | undefined> {
    const region = new Uint8Array(2 * DENSE_INDEX_SIZE_BYTES);
    try {
      await file.read(region, DENSE_INDEX_AT);
    } catch (error) {
      await file.close().catch(() => undefined);
      throw ioError(`reading segment ${this.#number}`, error);
    }
    const { index, damagedCopy } = decodeDenseIndex(region);
    if (damagedCopy !== undefined)
      this.#parts.log.error(
        { file: this.path, segment: this.#number, copy: damagedCopy },
        'a copy of the index of a dense segment failed verification',
      );
    return index;
  }
}

/** Moves slots that were packed at the front of `buffer` to their places; the gaps become zeroes. */
function spread(dense: DenseIndex, firstSlot: number, buffer: Uint8Array): void {
  const wanted = buffer.length / SLOT_SIZE_BYTES;
  const firstPlace = dense.placeOf(firstSlot);
  // From the end, so that nothing is overwritten that is still to be moved.
  for (let i = wanted - 1; i >= 0; i--) {
    const to = i * SLOT_SIZE_BYTES;
    if (!dense.slots.has(firstSlot + i)) {
      buffer.fill(0, to, to + SLOT_SIZE_BYTES);
      continue;
    }
    const from = (dense.placeOf(firstSlot + i) - firstPlace) * SLOT_SIZE_BYTES;
    if (from !== to) buffer.copyWithin(to, from, from + SLOT_SIZE_BYTES);
  }
}
