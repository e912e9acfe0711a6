/**
 * The seam under the engine: everything it stores goes through this interface. `local-files.ts` is the real one,
 * `test/sim/sim-file-system.ts` the one that crashes. Failures carry the operating system's code (`ENOSPC`, `EIO`,
 * `ENOENT`, …) in `code`, as Node's own do.
 */
export interface FileSystem {
  /** Opens an existing file. */
  open(path: string, mode: 'read' | 'write'): Promise<OpenFile>;
  /** Makes an empty file that did not exist (`EEXIST`), for reading and writing. Its name is durable after `syncDirectory`. */
  create(path: string): Promise<OpenFile>;
  /** Replaces `to` in one step. Durable after `syncDirectory` of the folders involved. */
  rename(from: string, to: string): Promise<void>;
  /** A second name for the same file (`EMLINK`, `EXDEV` where the file system cannot). */
  link(existing: string, path: string): Promise<void>;
  unlink(path: string): Promise<void>;
  makeDirectory(path: string): Promise<void>;
  /** Removes an empty directory. */
  removeDirectory(path: string): Promise<void>;
  /** Names in a directory, in no order. */
  list(directory: string): Promise<string[]>;
  /** Undefined when nothing has that name. */
  stat(path: string): Promise<FileStatus | undefined>;
  /** What the store under a directory has left for us, and all that it has; where that can be told. */
  space?(directory: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
  /** Makes the names in `path` durable: creations, renames, links and removals so far. */
  syncDirectory(path: string): Promise<void>;
  /**
   * An operating-system lock, made if absent, held until disposed or until the process ends.
   * @throws {SystemError} kind `conflict`: somebody else holds it.
   */
  lock(path: string): Disposable;
}

export interface FileStatus {
  readonly kind: 'file' | 'directory';
  readonly sizeBytes: number;
  readonly inode: number;
  /** How many names the file has. */
  readonly links: number;
}

export interface OpenFile {
  /** Fills `buffer` from `position`; answers fewer bytes only at the end of the file. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /**
   * `length` bytes that are in memory anyway, without waiting: the first of the answer, until the next call of this kind
   * on any file. Undefined when they are not all there (or it cannot tell).
   */
  readCached?(length: number, position: number): Uint8Array | undefined;
  /**
   * Writes all of `data`, or throws with any part of it written. `data` stays untouched until this settles.
   * The bytes survive the end of this process when it resolves, and power loss after `sync`.
   */
  write(data: Uint8Array, position: number): Promise<void>;
  /**
   * fdatasync: what was written before the call, and the file's size, is durable. A failure means that an unknown part
   * of it is not and may never be: never call it again and believe it (PostgreSQL's "fsyncgate", 2018).
   */
  sync(): Promise<void>;
  sizeBytes(): Promise<number>;
  close(): Promise<void>;
}

/** The operating system's name for a failure, if it has one. */
export function osCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
