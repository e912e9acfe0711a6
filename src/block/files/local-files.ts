import { close, fdatasync, fstat, fsync, open, read, write, writeSync } from 'node:fs';
import { link, mkdir, readdir, rename, rmdir, stat, statfs, unlink } from 'node:fs/promises';
import { promisify } from 'node:util';

import { SystemError } from '../../base/errors.ts';
import { lockFile } from '../../base/system-file-lock.ts';
import { KiB } from '../../base/units.ts';
import { loadCachedRead } from './cached-read.ts';
import { osCode } from './file-system.ts';
import type { FileStatus, FileSystem, OpenFile } from './file-system.ts';

const closeAsync = promisify(close);
const openAsync = promisify(open);
const fdatasyncAsync = promisify(fdatasync);
const fsyncAsync = promisify(fsync);
const fstatAsync = promisify(fstat);

/** Up to here a write into the page cache is quicker than handing it to another thread and back (20 to 40 us). */
const SYNCHRONOUS_WRITE_BYTES_MAX = 256 * KiB;
const cachedRead = loadCachedRead();
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** The real file system. */
export const localFiles: FileSystem = {
  open: async (path, mode) => new LocalFile(await openAsync(path, mode === 'read' ? 'r' : 'r+')),
  create: async (path) => new LocalFile(await openAsync(path, 'wx+', FILE_MODE)),
  rename,
  link,
  unlink,
  makeDirectory: async (path) => {
    await mkdir(path, { mode: DIRECTORY_MODE });
  },
  removeDirectory: (path) => rmdir(path),
  list: (directory) => readdir(directory),
  stat: async (path): Promise<FileStatus | undefined> => {
    try {
      const status = await stat(path);
      const kind = status.isDirectory() ? 'directory' : 'file';
      return { kind, sizeBytes: status.size, inode: status.ino, links: status.nlink };
    } catch (error) {
      if (osCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  },
  space: async (directory) => {
    const { bavail, blocks, bsize } = await statfs(directory);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  },
  syncDirectory: async (path) => {
    const fd = await openAsync(path, 'r');
    try {
      await fsyncAsync(fd);
    } finally {
      await closeAsync(fd);
    }
  },
  lock: (path) => {
    try {
      return lockFile(path, `pid ${process.pid}`);
    } catch (error) {
      if (error instanceof SystemError) throw error;
      throw new SystemError('unavailable', 'LOCK_FAILED', `${path} could not be locked`, { cause: error });
    }
  },
};

/** A descriptor that is closed only when no call uses it any more: its number may then belong to another file. */
class LocalFile implements OpenFile {
  readonly #fd: number;
  #users = 0;
  #closing: (() => void) | undefined;
  #closed = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    return this.#use(async () => {
      let filled = 0;
      while (filled < buffer.length) {
        const count = await readOnce(this.#fd, buffer, filled, position + filled);
        if (count === 0) break;
        filled += count;
      }
      return filled;
    });
  }

  readCached(length: number, position: number): Uint8Array | undefined {
    return this.#closed ? undefined : cachedRead?.(this.#fd, length, position);
  }

  write(data: Uint8Array, position: number): Promise<void> {
    return this.#use(async () => {
      let done = 0;
      while (done < data.length) {
        const length = data.length - done;
        done +=
          length <= SYNCHRONOUS_WRITE_BYTES_MAX
            ? writeNow(this.#fd, data, done, position + done)
            : await writeOnce(this.#fd, data, done, position + done);
      }
    });
  }

  sync(): Promise<void> {
    return this.#use(() => fdatasyncAsync(this.#fd));
  }

  sizeBytes(): Promise<number> {
    return this.#use(async () => (await fstatAsync(this.#fd)).size);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#users > 0) await new Promise<void>((resolve) => (this.#closing = resolve));
    await closeAsync(this.#fd);
  }

  async #use<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new SystemError('conflict', 'FILE_CLOSED', 'the file is closed');
    this.#users += 1;
    try {
      return await call();
    } finally {
      this.#users -= 1;
      if (this.#users === 0) this.#closing?.();
    }
  }
}

/** A signal came before anything was moved, which file systems in user space and on networks may tell. */
function isInterrupted(error: unknown): boolean {
  return osCode(error) === 'EINTR';
}

function readOnce(fd: number, buffer: Uint8Array, offset: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, offset, buffer.length - offset, position, (error, count) => {
      if (error === null) resolve(count);
      else if (isInterrupted(error)) resolve(readOnce(fd, buffer, offset, position));
      else reject(error);
    });
  });
}

/** How many bytes were written, which may be none. */
function writeOnce(fd: number, data: Uint8Array, offset: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, data, offset, data.length - offset, position, (error, count) => {
      if (error === null) resolve(count);
      else if (isInterrupted(error)) resolve(0);
      else reject(error);
    });
  });
}

function writeNow(fd: number, data: Uint8Array, offset: number, position: number): number {
  try {
    return writeSync(fd, data, offset, data.length - offset, position);
  } catch (error) {
    if (isInterrupted(error)) return 0;
    throw error;
  }
}
