import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { FileSystem } from '../files/file-system.ts';
import { toHex } from '../format/fixed-bytes.ts';
import type { ChunkReference } from '../format/table-format.ts';
import { addFilesOf, noFiles } from './named-files.ts';

/** So many chunks may wait until somebody looks whether a snapshot still needs them; full ones have 116 KiB each. */
const UNDECIDED_MAX = 64;

/**
 * Removes chunk files that the disk's table no longer names, once no snapshot's root names them either. A chunk that was
 * written after the last snapshot is in no root; for the others the roots are read, seldom and many at a time.
 */
export class UnusedChunks {
  readonly #files: FileSystem;
  readonly #log: Logger;
  readonly #tables: string;
  readonly #roots: string;
  /** Written since the last snapshot. */
  readonly #fresh = new Set<string>();
  readonly #undecided = new Set<string>();
  #undecidedMax = UNDECIDED_MAX;

  /** @param parts.tables and `roots`: directories. */
  constructor(parts: {
    readonly files: FileSystem;
    readonly log: Logger;
    readonly tables: string;
    readonly roots: string;
  }) {
    this.#files = parts.files;
    this.#log = parts.log;
    this.#tables = parts.tables;
    this.#roots = parts.roots;
  }

  noteWritten(chunks: readonly ChunkReference[]): void {
    for (const { id } of chunks) this.#fresh.add(toHex(id));
  }

  /** To be called before a root is written: it may name every chunk that there is. */
  noteRoot(): void {
    this.#fresh.clear();
  }

  /** The durable head's table no longer names these. Never fails: what stays is removed at the next open. */
  async release(chunks: readonly ChunkReference[]): Promise<void> {
    for (const { id } of chunks) {
      const name = toHex(id);
      if (this.#fresh.delete(name)) await this.#remove(name);
      else this.#undecided.add(name);
    }
    if (this.#undecided.size === 0) return;
    try {
      const roots = await this.#files.list(this.#roots);
      if (roots.length === 0 || this.#undecided.size > this.#undecidedMax) await this.#sweep(roots);
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, 'old chunks of a segment table stay until the next open');
    }
  }

  async #sweep(roots: readonly string[]): Promise<void> {
    const named = noFiles();
    for (const root of roots) if (!(await addFilesOf(this.#files, `${this.#roots}/${root}`, named))) return;
    for (const name of this.#undecided) if (!named.chunks.has(name)) await this.#remove(name);
    // Those that snapshots hold are looked at again when as many others have come.
    this.#undecidedMax = this.#undecided.size + UNDECIDED_MAX;
  }

  async #remove(name: string): Promise<void> {
    this.#undecided.delete(name);
    try {
      await this.#files.unlink(`${this.#tables}/${name}`);
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, 'an old chunk of a segment table could not be removed');
    }
  }
}
