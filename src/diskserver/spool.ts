import { SystemError } from '../base/errors.ts';
import { Mutex } from '../base/mutex.ts';
import { ioError } from '../block/files/io-errors.ts';
import type { FileSystem, OpenFile } from '../block/files/file-system.ts';
import { STREAM_HEADER_BYTES } from '../stream/stream-header.ts';

const STREAM_NAME = 'stream';
const DURABLE_NAME = 'durable';
const APPLYING_NAME = 'applying';

/**
 * A stream that is being received, in a folder of its own: `stream` (its bytes, as they came), `durable` (how many of
 * them a sync has covered, as text), and `applying` once a disk was changed according to it.
 * Bytes come in order. After a restart it goes on behind what was durable: what came later may be there or not.
 */
export class Spool {
  readonly directory: string;
  readonly sizeBytes: number;
  readonly #files: FileSystem;
  readonly #file: OpenFile;
  readonly #syncTurn = new Mutex();
  readonly #writing = new Set<Promise<void>>();
  #end: number;
  #durable: number;

  private constructor(parts: { files: FileSystem; directory: string; file: OpenFile }, sizeBytes: number, end: number) {
    this.#files = parts.files;
    this.directory = parts.directory;
    this.#file = parts.file;
    this.sizeBytes = sizeBytes;
    this.#end = end;
    this.#durable = end;
  }

  /**
   * Opens the spool in `directory`, or makes it with its header in it.
   * @throws {SystemError} kind `conflict`, code `OTHER_STREAM`: the folder holds another stream.
   */
  static async open(files: FileSystem, directory: string, header: Uint8Array, sizeBytes: number): Promise<Spool> {
    const path = `${directory}/${STREAM_NAME}`;
    try {
      const durable = await readDurable(files, directory);
      if (durable >= STREAM_HEADER_BYTES) return await Spool.#goOn(files, directory, header, sizeBytes, durable);
      if ((await files.stat(directory)) === undefined) await files.makeDirectory(directory);
      if ((await files.stat(path)) !== undefined) await files.unlink(path);
      const file = await files.create(path);
      const spool = new Spool({ files, directory, file }, sizeBytes, 0);
      try {
        await spool.write(0, header);
        await spool.sync();
        await files.syncDirectory(directory.slice(0, directory.lastIndexOf('/')));
        return spool;
      } catch (error) {
        await file.close().catch(() => undefined);
        throw error;
      }
    } catch (error) {
      throw ioError('opening the spool of a stream', error);
    }
  }

  static async #goOn(
    files: FileSystem,
    directory: string,
    header: Uint8Array,
    sizeBytes: number,
    durable: number,
  ): Promise<Spool> {
    const file = await files.open(`${directory}/${STREAM_NAME}`, 'write');
    try {
      const stored = new Uint8Array(STREAM_HEADER_BYTES);
      await file.read(stored, 0);
      if (Buffer.compare(stored, header) !== 0)
        throw new SystemError('conflict', 'OTHER_STREAM', 'this transfer was begun with another stream');
      const end = Math.min(durable, await file.sizeBytes(), sizeBytes);
      return new Spool({ files, directory, file }, sizeBytes, end);
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
  }

  get durableBytes(): number {
    return this.#durable;
  }

  get isComplete(): boolean {
    return this.#durable === this.sizeBytes;
  }

  /** `length` bytes, or fewer at the end of what has come. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const out = new Uint8Array(length);
    const count = await this.#file.read(out, offset).catch((error: unknown) => {
      throw ioError('reading a received stream', error);
    });
    return out.subarray(0, count);
  }

  /**
   * @param data untouched until this settles.
   * @throws {SystemError} kind `invalid`, code `STREAM_GAP`: something before it has not come.
   */
  async write(offset: number, data: Uint8Array): Promise<void> {
    if (offset > this.#end)
      throw new SystemError('invalid', 'STREAM_GAP', `the stream has come up to ${this.#end}, not to ${offset}`);
    this.#end = Math.max(this.#end, offset + data.length);
    const writing = this.#file.write(data, offset).catch((error: unknown) => {
      this.#end = Math.max(this.#durable, Math.min(this.#end, offset));
      throw ioError('storing a received stream', error);
    });
    this.#writing.add(writing);
    try {
      await writing;
    } finally {
      this.#writing.delete(writing);
    }
  }

  /** Everything written before the call is durable, and known to be, when this resolves. */
  sync(): Promise<void> {
    return this.#syncTurn.run(async () => {
      await Promise.allSettled(this.#writing);
      const upTo = this.#end;
      if (upTo === this.#durable) return;
      try {
        await this.#file.sync();
        await this.#writeSmall(DURABLE_NAME, String(upTo));
        this.#durable = upTo;
      } catch (error) {
        // What was written since the last success may never arrive on disk: it has to come again.
        this.#end = this.#durable;
        throw ioError('making a received stream durable', error);
      }
    });
  }

  async isBeingApplied(): Promise<boolean> {
    return (await this.#files.stat(`${this.directory}/${APPLYING_NAME}`)) !== undefined;
  }

  /** Durable before the first change to a disk that exists already. */
  markApplying(diskId: string): Promise<void> {
    return this.#writeSmall(APPLYING_NAME, diskId);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#writing);
    await this.#syncTurn.run(() => this.#file.close().catch(() => undefined));
  }

  async #writeSmall(name: string, content: string): Promise<void> {
    const path = `${this.directory}/${name}`;
    if ((await this.#files.stat(`${path}.new`)) !== undefined) await this.#files.unlink(`${path}.new`);
    const file = await this.#files.create(`${path}.new`);
    try {
      await file.write(Buffer.from(content), 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#files.rename(`${path}.new`, path);
    await this.#files.syncDirectory(this.directory);
  }
}

/** Removes a spool, also one that is half there. */
export async function removeSpool(files: FileSystem, directory: string): Promise<void> {
  if ((await files.stat(directory)) === undefined) return;
  for (const name of await files.list(directory)) await files.unlink(`${directory}/${name}`);
  await files.removeDirectory(directory);
}

/** How much of a spool is durable; 0 when there is none. */
async function readDurable(files: FileSystem, directory: string): Promise<number> {
  const path = `${directory}/${DURABLE_NAME}`;
  if ((await files.stat(path)) === undefined) return 0;
  const file = await files.open(path, 'read');
  try {
    const text = new Uint8Array(32);
    const length = await file.read(text, 0);
    const bytes = Number(Buffer.from(text.subarray(0, length)).toString('latin1'));
    return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : 0;
  } finally {
    await file.close();
  }
}
