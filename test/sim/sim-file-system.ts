import { createHash } from 'node:crypto';

import { SystemError } from '../../src/base/errors.ts';
import type { FileStatus, FileSystem, OpenFile } from '../../src/block/files/file-system.ts';
import type { Seeded } from './seeded.ts';
import { SECTOR_BYTES } from './sim-storage.ts';
import type { SimDirectory, SimFile, SimNode, SimStorage } from './sim-storage.ts';

/** Something that a process asked for and that has not happened yet. */
interface PendingCall {
  /** Does it and tells who asked. */
  readonly complete: () => void;
  /** Does it, or a part of it, when who asked is gone. */
  readonly effect: (random: Seeded) => void;
}

export interface SimOptions {
  /** The process dies when it makes this many calls. */
  readonly dieAfterCalls?: number;
  /** Space runs out when data is synced, not when it is written, as with delayed allocation. */
  readonly delayedAllocation?: boolean;
  /** Tell how much space there is left, of so much. */
  readonly totalBytes?: number;
  /** How likely a sync fails. */
  readonly syncFailure?: number;
  /** Syncs that fail for sure, by path. */
  readonly failSync?: (path: string) => boolean;
  /** This call fails with `EIO`, unless it closes a file. */
  readonly failCall?: number;
  /** True for a sync that is to be skipped, named by the code that asked for it: the engine with that line removed. */
  readonly skipSync?: ((site: string) => boolean) | undefined;
}

/** Thrown when the simulated process died: nothing after it happens. */
export class Died extends Error {}

/**
 * The storage as one process sees it. Calls that are under way at the same time complete in an order that chance
 * decides; when the process dies, nothing that it waits for ever comes, and calls under way happened, did not, or did
 * in part.
 */
export class SimFileSystem implements FileSystem {
  readonly storage: SimStorage;
  readonly #random: Seeded;
  readonly #options: SimOptions;
  readonly #pending: PendingCall[] = [];
  readonly #trace = createHash('sha256');
  #calls = 0;
  #dieAfterCalls: number;
  #running = false;
  #died: () => void = () => undefined;
  /** Resolves when the process has died by `dieAfterCalls`. */
  readonly death: Promise<void>;
  dead = false;
  failedSyncs = 0;
  /** Files that were opened and not closed. */
  openFiles = 0;
  readonly #heldLocks = new Set<string>();

  constructor(storage: SimStorage, random: Seeded, options: SimOptions = {}) {
    this.storage = storage;
    this.#random = random;
    this.#options = options;
    this.#dieAfterCalls = options.dieAfterCalls ?? Infinity;
    this.death = new Promise((resolve) => (this.#died = resolve));
  }

  get calls(): number {
    return this.#calls;
  }

  /** @throws {Died} the process is dead. */
  refuseIfDead(): void {
    if (this.dead) throw new Died();
  }

  /** What `work` answers, unless the process dies before. @throws {Died} */
  async orDeath<T>(work: Promise<T>): Promise<T> {
    const died = this.death.then(() => {
      throw new Died();
    });
    const result = await Promise.race([work, died]);
    this.refuseIfDead();
    return result;
  }

  /** Equal for equal runs. */
  traceDigest(): string {
    return this.#trace.copy().digest('hex');
  }

  open(path: string, _mode: 'read' | 'write'): Promise<OpenFile> {
    return this.#call(`open ${path}`, () => this.#openFile(path));
  }

  create(path: string): Promise<OpenFile> {
    return this.#call(`create ${path}`, () => {
      const { directory, name } = this.#locate(path);
      if (directory.entries.has(name)) throw osError('EEXIST', path);
      this.storage.rename({ directory, name, node: this.storage.newFile() });
      return this.#openFile(path);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call(`rename ${from} ${to}`, () => {
      const source = this.#locate(from);
      const target = this.#locate(to);
      const node = source.directory.entries.get(source.name);
      if (node === undefined) throw osError('ENOENT', from);
      this.storage.rename(
        { directory: source.directory, name: source.name, node: undefined },
        { directory: target.directory, name: target.name, node },
      );
    });
  }

  link(existing: string, path: string): Promise<void> {
    return this.#call(`link ${existing} ${path}`, () => {
      const node = this.#find(existing);
      const { directory, name } = this.#locate(path);
      if (directory.entries.has(name)) throw osError('EEXIST', path);
      this.storage.rename({ directory, name, node });
    });
  }

  unlink(path: string): Promise<void> {
    return this.#call(`unlink ${path}`, () => {
      this.#find(path);
      const { directory, name } = this.#locate(path);
      this.storage.rename({ directory, name, node: undefined });
    });
  }

  makeDirectory(path: string): Promise<void> {
    return this.#call(`mkdir ${path}`, () => {
      const { directory, name } = this.#locate(path);
      if (directory.entries.has(name)) throw osError('EEXIST', path);
      this.storage.rename({ directory, name, node: this.storage.newDirectory() });
    });
  }

  removeDirectory(path: string): Promise<void> {
    return this.#call(`rmdir ${path}`, () => {
      if (this.#directory(path).entries.size > 0) throw osError('ENOTEMPTY', path);
      const { directory, name } = this.#locate(path);
      this.storage.rename({ directory, name, node: undefined });
    });
  }

  list(path: string): Promise<string[]> {
    return this.#call(`list ${path}`, () => [...this.#directory(path).entries.keys()]);
  }

  stat(path: string): Promise<FileStatus | undefined> {
    return this.#call(`stat ${path}`, () => {
      const node = this.storage.find(path);
      if (node === undefined) return undefined;
      const sizeBytes = node.kind === 'file' ? node.size : 0;
      return { kind: node.kind, inode: node.inode, sizeBytes, links: this.storage.namesOf(node) };
    });
  }

  space(path: string): Promise<{ freeBytes: number; totalBytes: number }> {
    const { totalBytes } = this.#options;
    if (totalBytes === undefined) return Promise.resolve({ freeBytes: Infinity, totalBytes: Infinity });
    return this.#call(`space ${path}`, () => ({ freeBytes: this.storage.freeBytes, totalBytes }));
  }

  syncDirectory(path: string): Promise<void> {
    const skipped = this.#isSkipped();
    return this.#call(`sync ${path}`, () => {
      const directory = this.#directory(path);
      if (skipped) return;
      this.#maybeFailSync(path);
      this.storage.syncDirectory(directory);
    });
  }

  lock(path: string): Disposable {
    if (this.storage.locks.has(path)) throw new SystemError('conflict', 'LOCKED', `${path} is held`);
    this.storage.locks.add(path);
    this.#heldLocks.add(path);
    return {
      [Symbol.dispose]: () => {
        if (!this.dead) this.storage.locks.delete(path);
      },
    };
  }

  /** The process dies when it has made this many calls. */
  dieAfter(calls: number): void {
    this.#dieAfterCalls = calls;
  }

  /** The process ends now: what is under way happened, did not, or did in part. */
  kill(): void {
    if (this.dead) return;
    this.dead = true;
    // Calls happen in the order in which the system took them up, which the process no longer sees.
    while (this.#pending.length > 0) {
      const [call] = this.#pending.splice(this.#random.below(this.#pending.length), 1);
      if (call !== undefined && this.#random.chance(0.5)) ignoreErrors(() => call.effect(this.#random));
    }
    for (const path of this.#heldLocks) this.storage.locks.delete(path);
    this.#died();
  }

  #openFile(path: string): OpenFile {
    const file = this.#find(path);
    if (file.kind !== 'file') throw osError('EISDIR', path);
    let closed = false;
    this.openFiles += 1;
    const checkOpen = (): void => {
      if (closed) throw osError('EBADF', path);
    };
    return {
      read: (buffer, position) =>
        this.#call(`read ${path} ${position} ${buffer.length}`, () => {
          checkOpen();
          const end = Math.min(position + buffer.length, file.size);
          return end > position ? file.cache.copy(buffer, 0, position, end) : 0;
        }),
      readCached: (length, position) => {
        if (closed || this.dead || position + length > file.size || !this.#random.chance(0.5)) return undefined;
        return Buffer.from(file.cache.subarray(position, position + length));
      },
      write: (data, position) =>
        this.#call(
          `write ${path} ${position} ${data.length}`,
          () => {
            checkOpen();
            this.#write(file, data, position, path);
          },
          (random) => this.#write(file, data.subarray(0, random.below(data.length + 1)), position, path),
        ),
      sync: () => {
        const skipped = this.#isSkipped();
        // Only what was written before the call is promised.
        const captured = new Map(file.dirty);
        const { size } = file;
        return this.#call(`sync ${path}`, () => {
          checkOpen();
          if (skipped) return;
          this.#maybeFailSync(path, file, captured);
          this.#allocate(file, size, captured, path);
          file.persist(captured, size);
        });
      },
      sizeBytes: () => this.#call(`size ${path}`, () => file.size),
      close: () =>
        this.#call(`close ${path}`, () => {
          if (!closed) this.openFiles -= 1;
          closed = true;
        }),
    };
  }

  #allocate(file: SimFile, size: number, captured: ReadonlyMap<number, number>, path: string): void {
    if (this.#options.delayedAllocation !== true) return;
    const growth = Math.max(0, size - file.platterSize);
    if (growth <= this.storage.freeBytes) {
      this.storage.freeBytes -= growth;
      return;
    }
    for (const sector of captured.keys()) file.dirty.delete(sector);
    throw osError('ENOSPC', path);
  }

  #write(file: SimFile, data: Uint8Array, position: number, path: string): void {
    if (this.#options.delayedAllocation === true) {
      file.write(data, position);
      return;
    }
    const growth = Math.max(0, position + data.length - file.size);
    const room = Math.min(growth, this.storage.freeBytes);
    this.storage.freeBytes -= room;
    if (room < growth) {
      file.write(data.subarray(0, data.length - (growth - room)), position);
      throw osError('ENOSPC', path);
    }
    file.write(data, position);
  }

  /** After a failed sync the system takes the pages for clean, whether they reached the platter or not. */
  #maybeFailSync(path: string, file?: SimFile, captured?: ReadonlyMap<number, number>): void {
    const fails = this.#random.chance(this.#options.syncFailure ?? 0) || this.#options.failSync?.(path) === true;
    if (!fails) return;
    this.failedSyncs += 1;
    const share = this.#random.pick([0, 0.5, 1]);
    for (const [sector, change] of captured ?? []) {
      if (this.#random.chance(share)) file?.persistSector(sector, SECTOR_BYTES);
      if (file?.dirty.get(sector) === change) file.dirty.delete(sector);
    }
    throw osError('EIO', path);
  }

  #isSkipped(): boolean {
    const { skipSync } = this.#options;
    if (skipSync === undefined) return false;
    // The three innermost lines of the engine: one function may sync for several callers.
    const lines = (new Error('site').stack ?? '').split('\n').filter((line) => line.includes('/src/block/'));
    const site = lines
      .slice(0, 3)
      .map((line) => /src\/block\/([^:]+:\d+)/.exec(line)?.[1] ?? '?')
      .join(' from ');
    return skipSync(site);
  }

  #call<T>(what: string, run: () => T, runPartly?: (random: Seeded) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.dead) return;
      const fails = this.#calls + 1 === this.#options.failCall && !what.startsWith('close ');
      const complete = (): void => {
        try {
          if (fails) throw osError('EIO', what);
          resolve(run());
        } catch (error) {
          reject(error as Error);
        }
      };
      this.#trace.update(what);
      this.#pending.push({ complete, effect: runPartly ?? run });
      this.#calls += 1;
      if (this.#calls >= this.#dieAfterCalls) this.kill();
      else this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => {
      this.#running = false;
      const [call] = this.#pending.splice(this.#random.below(this.#pending.length), 1);
      if (this.dead || call === undefined) return;
      call.complete();
      if (this.#pending.length > 0) this.#schedule();
    });
  }

  #locate(path: string): { directory: SimDirectory; name: string } {
    const at = path.lastIndexOf('/');
    return { directory: this.#directory(path.slice(0, at)), name: path.slice(at + 1) };
  }

  #find(path: string): SimNode {
    const node = this.storage.find(path);
    if (node === undefined) throw osError('ENOENT', path);
    return node;
  }

  #directory(path: string): SimDirectory {
    const node = this.#find(path);
    if (node.kind !== 'directory') throw osError('ENOTDIR', path);
    return node;
  }
}

function osError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

function ignoreErrors(run: () => void): void {
  try {
    run();
  } catch {
    // The process that would have been told is gone.
  }
}
