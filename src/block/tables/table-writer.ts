import type { Random } from '../../base/random.ts';
import { createDurably } from '../files/durable-files.ts';
import type { FileSystem } from '../files/file-system.ts';
import { ioError } from '../files/io-errors.ts';
import { encodeChunk } from '../format/chunk-format.ts';
import { toHex } from '../format/fixed-bytes.ts';
import { CHUNK_ID_SIZE_BYTES, encodeTable, tableDigest } from '../format/table-format.ts';
import type { ChunkReference, TableFields } from '../format/table-format.ts';
import { concatCopies } from '../format/two-copies.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';
import type { FrozenSegments } from '../segments/segment-ranges.ts';

const TABLE_ID_SIZE_BYTES = 16;

/** Writes the table of one checkpoint: the chunks that changed, then the index. */
export class TableWriter {
  readonly #files: FileSystem;
  readonly #random: Random;
  readonly #keys: DiskKeys;
  readonly #directory: string;
  readonly #made: string[] = [];
  /** The chunks that were not there before. */
  readonly written: ChunkReference[] = [];

  /** @param directory of the disk's tables. */
  constructor(parts: {
    readonly files: FileSystem;
    readonly random: Random;
    readonly keys: DiskKeys;
    readonly directory: string;
  }) {
    this.#files = parts.files;
    this.#random = parts.random;
    this.#keys = parts.keys;
    this.#directory = parts.directory;
  }

  /** Writes a chunk for each range that changed, one at a time, and answers the chunks of the whole state. */
  async writeChunks(frozen: FrozenSegments, diskId: string): Promise<readonly ChunkReference[]> {
    const chunks = new Map(frozen.chunks);
    for (const [range, segments] of frozen.changed()) {
      chunks.delete(range);
      if (segments.length === 0) continue;
      const copy = encodeChunk({ diskId, range, segments }, this.#keys);
      const id = this.#random.bytes(CHUNK_ID_SIZE_BYTES);
      await this.#create(id, copy);
      const chunk = { range, id, digest: tableDigest(copy), segmentCount: segments.length };
      chunks.set(range, chunk);
      this.written.push(chunk);
    }
    return [...chunks.values()].sort((a, b) => a.range - b.range);
  }

  /** Writes the index, and makes it and the chunks durable under their names. */
  async writeIndex(
    fields: TableFields,
    chunks: readonly ChunkReference[],
  ): Promise<{ readonly tableId: Uint8Array; readonly tableDigest: Uint8Array }> {
    const copy = encodeTable({ ...fields, chunks }, this.#keys);
    const tableId = this.#random.bytes(TABLE_ID_SIZE_BYTES);
    await this.#create(tableId, copy);
    await this.#files.syncDirectory(this.#directory);
    return { tableId, tableDigest: tableDigest(copy) };
  }

  /** Removes what was written. What cannot be removed is debris that the next open removes. */
  async abort(): Promise<void> {
    for (const path of this.#made) await this.#files.unlink(path).catch(() => undefined);
  }

  async #create(id: Uint8Array, copy: Uint8Array): Promise<void> {
    const path = `${this.#directory}/${toHex(id)}`;
    this.#made.push(path);
    try {
      await createDurably(this.#files, path, concatCopies(copy));
    } catch (error) {
      throw ioError('writing a segment table', error);
    }
  }
}
