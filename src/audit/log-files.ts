import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';

/** Which calls of the operating system the log is made of. Tests let them fail, and lose what was not synced. */
export interface LogFiles {
  /** @param directory made with mode 0700 when it is missing; its parent exists. */
  makeDirectory(directory: string): void;
  list(directory: string): readonly string[];
  /** Undefined when there is no such file. @param length up to the end when absent. */
  read(file: string, from: number, length?: number): Uint8Array | undefined;
  /** Mode 0600; replaces what is there. */
  create(file: string): LogFile;
  /** For writing; undefined when there is no such file. */
  open(file: string): LogFile | undefined;
  rename(from: string, to: string): void;
  remove(file: string): void;
  syncDirectory(directory: string): void;
}

export interface LogFile {
  /** All of it, or an error after which any part may be there. */
  write(bytes: Uint8Array, position: number): void;
  /** @throws what the system says; then nobody knows what is durable. */
  sync(): Promise<void>;
  syncNow(): void;
  close(): void;
}

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

export const systemLogFiles: LogFiles = {
  makeDirectory: (directory) => {
    if (mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE }) !== undefined)
      systemLogFiles.syncDirectory(path.dirname(directory));
  },
  list: (directory) => readdirSync(directory),
  read: (file, from, length) =>
    withFile(file, (fd) => {
      const wanted = Math.max(0, Math.min(length ?? Infinity, fstatSync(fd).size - from));
      const bytes = new Uint8Array(wanted);
      let filled = 0;
      while (filled < wanted) {
        const count = readSync(fd, bytes, filled, wanted - filled, from + filled);
        if (count === 0) break;
        filled += count;
      }
      return bytes.subarray(0, filled);
    }),
  create: (file) => new SystemLogFile(openSync(file, 'w', FILE_MODE)),
  open: (file) => {
    try {
      return new SystemLogFile(openSync(file, 'r+'));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  rename: renameSync,
  remove: (file) => rmSync(file, { force: true }),
  syncDirectory: (directory) => {
    withFile(directory, fsyncSync);
  },
};

class SystemLogFile implements LogFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Uint8Array, position: number): void {
    let done = 0;
    while (done < bytes.length) done += writeSync(this.#fd, bytes, done, bytes.length - done, position + done);
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#fd, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  syncNow(): void {
    fdatasyncSync(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function withFile<T>(file: string, use: (fd: number) => T): T | undefined {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
