import { createDurably, readWhole } from '../files/durable-files.ts';
import { osCode } from '../files/file-system.ts';
import { rangeOf } from '../format/chunk-format.ts';
import { ROOTS_NAME, TABLES_NAME } from '../format/file-names.ts';
import { toHex } from '../format/fixed-bytes.ts';
import type { SegmentEntry } from '../format/segment-entries.ts';
import { encodeTable } from '../format/table-format.ts';
import type { ChunkReference, SegmentTable } from '../format/table-format.ts';
import { concatCopies } from '../format/two-copies.ts';
import { SegmentRanges } from '../segments/segment-ranges.ts';
import type { DiskState } from '../state/disk-state.ts';
import { snapshotNames } from '../tables/snapshot-names.ts';
import { readChunk, readIndex } from '../tables/table-file.ts';
import type { TableWriter } from '../tables/table-writer.ts';

/** The roots of a disk's snapshots, for who has to look at all of their segments or to replace some. */
export class KeptRoots {
  readonly #state: DiskState;
  /** By the name of the chunk: their bytes never change. */
  readonly #chunks = new Map<string, readonly SegmentEntry[]>();

  constructor(state: DiskState) {
    this.#state = state;
  }

  async names(): Promise<string[]> {
    return (await snapshotNames(this.#state.env.files, this.#state.path(ROOTS_NAME))).sort();
  }

  /** Undefined for a snapshot that was deleted meanwhile. @throws {SystemError} kind `corrupt`: it cannot be read. */
  async read(name: string): Promise<SegmentTable | undefined> {
    const { env, keys } = this.#state;
    const path = `${this.#state.path(ROOTS_NAME)}/${name}`;
    try {
      const index = await readIndex(env.files, path, keys, env.log);
      const segments = [...index.segments];
      for (const chunk of index.chunks) segments.push(...(await this.#segmentsOf(chunk, index.diskId)));
      return { ...index, segments };
    } catch (error) {
      if ((await env.files.stat(path)) === undefined) return undefined;
      throw error;
    }
  }

  /** True when the data key itself vouches for the root. */
  async isCurrent(name: string): Promise<boolean> {
    const both = await readWhole(this.#state.env.files, `${this.#state.path(ROOTS_NAME)}/${name}`);
    return this.#state.keys.isCurrentMac('table', both.subarray(0, both.length / 2));
  }

  /**
   * Writes a root again with other segments under some numbers, durably. Chunks are shared with other roots that were
   * replaced by the same writer.
   * @param made what the writer made of which chunk, by name; grows.
   */
  async replace(
    name: string,
    table: SegmentTable,
    replaced: (entry: SegmentEntry) => SegmentEntry,
    writer: TableWriter,
    made: Map<string, ChunkReference>,
  ): Promise<void> {
    const { env, keys } = this.#state;
    const ranges = new SegmentRanges(table);
    const known = new Map(table.chunks.map((chunk) => [chunk.range, chunk]));
    const before = new Map<number, string>();
    for (const entry of table.segments) {
      const fresh = replaced(entry);
      if (fresh === entry) continue;
      ranges.put(fresh);
      const chunk = known.get(rangeOf(entry.number));
      if (chunk !== undefined) before.set(chunk.range, toHex(chunk.id));
    }
    const frozen = ranges.freeze(undefined, 1);
    for (const [range, old] of before) {
      const chunk = made.get(old);
      if (chunk !== undefined) frozen.use(range, chunk);
    }
    const chunks = await writer.writeChunks(frozen, table.diskId);
    for (const chunk of chunks) {
      const old = before.get(chunk.range);
      if (old !== undefined) made.set(old, chunk);
    }
    await env.files.syncDirectory(this.#state.path(TABLES_NAME));
    await this.#put(name, concatCopies(encodeTable({ ...table, chunks }, keys)));
  }

  /**
   * A snapshot that is deleted meanwhile stays deleted: a deletion removes the root, then `.new`, then the root again, so
   * that whatever was seen to be there before the rename is gone in the end.
   */
  async #put(name: string, bytes: Uint8Array): Promise<void> {
    const { files } = this.#state.env;
    const directory = this.#state.path(ROOTS_NAME);
    const path = `${directory}/${name}`;
    await files.unlink(`${path}.new`).catch(() => undefined);
    await createDurably(files, `${path}.new`, bytes);
    if ((await files.stat(path)) === undefined) {
      await files.unlink(`${path}.new`).catch(() => undefined);
      return;
    }
    await files.rename(`${path}.new`, path).catch((error: unknown) => {
      if (osCode(error) !== 'ENOENT') throw error;
    });
    await files.syncDirectory(directory);
  }

  async #segmentsOf(chunk: ChunkReference, diskId: string): Promise<readonly SegmentEntry[]> {
    const name = toHex(chunk.id);
    let segments = this.#chunks.get(name);
    if (segments === undefined) {
      const { env } = this.#state;
      segments = await readChunk(env.files, this.#state.path(TABLES_NAME), chunk, diskId, env.log);
      this.#chunks.set(name, segments);
    }
    return segments;
  }
}
