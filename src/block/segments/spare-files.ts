import type { FileSystem } from '../files/file-system.ts';
import { SPARE_SUFFIX } from '../format/file-names.ts';

/**
 * Segment files that nobody needs any more and that were written in full: the next log segments go into them, since a
 * file whose pages and blocks are there already takes writes and syncs about twice as fast as one that grows. They are
 * `<name>.spare` in the segments' directory; what an earlier process left there is removed when the disk is opened.
 */
export class SpareFiles {
  readonly #files: FileSystem;
  readonly #sizeBytes: number;
  readonly #max: () => number;
  readonly #paths: string[] = [];

  /** @param sizeBytes of a full segment; other files are no use. @param max how many may be kept, by now. */
  constructor(files: FileSystem, sizeBytes: number, max: () => number) {
    this.#files = files;
    this.#sizeBytes = sizeBytes;
    this.#max = max;
  }

  get count(): number {
    return this.#paths.length;
  }

  get hasRoom(): boolean {
    return this.#paths.length < this.#max();
  }

  static pathFor(segmentPath: string): string {
    return `${segmentPath}${SPARE_SUFFIX}`;
  }

  /**
   * Takes over a file that has only this name any more, durably, and that nobody reads; or removes it. A file with another
   * name is somebody else's: a clone may have been made of it at any moment before.
   */
  async give(path: string): Promise<void> {
    const status = await this.#files.stat(path);
    if (status === undefined) return;
    if (this.hasRoom && status.links === 1 && status.sizeBytes === this.#sizeBytes) this.#paths.push(path);
    else await this.#files.unlink(path);
  }

  take(): string | undefined {
    return this.#paths.pop();
  }

  async clear(): Promise<void> {
    for (let path = this.take(); path !== undefined; path = this.take())
      await this.#files.unlink(path).catch(() => undefined);
  }
}
