import { assert } from '../../base/assert.ts';
import { isKind, SystemError } from '../../base/errors.ts';
import { BlockReader } from '../blocks/block-reader.ts';
import { BlockResolver } from '../blocks/block-resolver.ts';
import { blockStatus } from '../blocks/block-status.ts';
import type { Extent } from '../blocks/block-status.ts';
import type { Environment } from '../files/environment.ts';
import { osCode } from '../files/file-system.ts';
import type { FileSystem } from '../files/file-system.ts';
import { ReaderCache } from '../files/reader-cache.ts';
import { SEGMENTS_NAME } from '../format/file-names.ts';
import type { Pin } from '../format/pin.ts';
import type { DataKey } from '../keys/data-key.ts';
import { DiskKeys } from '../keys/disk-keys.ts';
import { SegmentStore } from '../segments/segment-store.ts';
import { changedBetween } from './compare-states.ts';
import type { ChangedExtent } from './compare-states.ts';
import { readSnapshot } from './snapshot-root.ts';
import { SnapshotState } from './snapshot-state.ts';

/** Where the environment has no cache for all disks. */
const OPEN_SEGMENTS_MAX = 16;

export interface ViewOptions {
  /** Where the disk's files are; and where they move when the disk is deleted and its snapshots are kept. */
  readonly directory: string;
  readonly retiredDirectory: string;
  readonly diskId: string;
  readonly snapshotId: string;
  readonly dataKey: DataKey;
  readonly pin: Pin | undefined;
}

/**
 * Opens a snapshot for reading, of a disk that is open, closed or deleted. It takes no lock and writes nothing, so that
 * the disk goes on as if nobody looked. The caller sees to it that the snapshot is not deleted before the view is closed;
 * everything else may happen meanwhile: other snapshots and the disk are deleted, segments are collected or sealed anew.
 *
 * @throws {SystemError} kind `not-found`: no such snapshot. Kind `rolled-back`: the files are older than the pin.
 */
export async function openSnapshotView(env: Environment, options: ViewOptions): Promise<SnapshotView> {
  const { directory, retiredDirectory, diskId, snapshotId, dataKey, pin } = options;
  const keys = new DiskKeys(env.cipher, dataKey);
  const here = (await env.files.stat(directory)) === undefined ? retiredDirectory : directory;
  const read = (at: string) => readSnapshot(env, { directory: at, snapshotId, pin }, keys);
  try {
    if ((await env.files.stat(here)) === undefined)
      throw new SystemError('not-found', 'SNAPSHOT_NOT_FOUND', `there is no snapshot ${snapshotId}`);
    const table = await read(here);
    if (table.diskId !== diskId)
      throw new SystemError('corrupt', 'WRONG_DISK', `${here} holds disk ${table.diskId}, not ${diskId}`);
    const files = followingMove(env.files, here, retiredDirectory);
    const cache = env.readers ?? new ReaderCache(OPEN_SEGMENTS_MAX);
    const store = new SegmentStore(`${here}/${SEGMENTS_NAME}`, { files, cache, log: env.log });
    const readAgain = async () => read((await env.files.stat(here)) === undefined ? retiredDirectory : here);
    return new SnapshotView(new SnapshotState({ log: env.log, keys, store, readAgain }, table));
  } catch (error) {
    keys[Symbol.dispose]();
    throw error;
  }
}

/** A snapshot that is open for reading. */
export class SnapshotView {
  readonly sizeBytes: number;
  readonly state: SnapshotState;
  readonly #resolver: BlockResolver;
  readonly #reader: BlockReader;
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  constructor(state: SnapshotState) {
    this.state = state;
    this.sizeBytes = state.sizeBytes;
    this.#resolver = new BlockResolver(state);
    this.#reader = new BlockReader(state, this.#resolver);
  }

  /**
   * Answers `length` bytes.
   * @throws {SystemError} kind `corrupt`: a block in the range failed verification; other ranges can be read.
   */
  read(offset: number, length: number): Promise<Uint8Array> {
    this.#checkRange(offset, length);
    return this.#run(() => this.#reader.read(offset, length));
  }

  /** As `Disk.blockStatus`. */
  blockStatus(offset: number, length: number): Promise<readonly Extent[]> {
    this.#checkRange(offset, length);
    return this.#run(() => blockStatus(this.state, this.#resolver, offset, length));
  }

  /** What differs between this snapshot and another one of the same disk; see `changedBetween`. */
  changedSince(base: SnapshotView, offset: number, length: number): Promise<readonly ChangedExtent[]> {
    this.#checkRange(offset, length);
    return this.#run(() => changedBetween(base.state, this.state, offset, length));
  }

  /** Waits for what is running, lets go of files and keys. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    this.state.store.close();
    this.state.keys[Symbol.dispose]();
  }

  async #run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new SystemError('conflict', 'VIEW_CLOSED', 'the view of the snapshot is closed');
    const running = this.#orAgain(operation);
    this.#running.add(running);
    const done = (): boolean => this.#running.delete(running);
    running.then(done, done);
    return running;
  }

  async #orAgain<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      if (!isKind(error, 'corrupt')) throw error;
      await this.state.lookAgain();
      return operation();
    }
  }

  /** The caller has checked what clients ask for. */
  #checkRange(offset: number, length: number): void {
    assert(
      Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0,
      'offsets and lengths are whole numbers',
    );
    assert(offset + length <= this.sizeBytes, 'a range lies inside the snapshot');
  }
}

/** Opens files where they were, or, when the whole directory has moved, where they are now. */
function followingMove(files: FileSystem, from: string, to: string): Pick<FileSystem, 'open'> {
  return {
    open: async (path, mode) => {
      try {
        return await files.open(path, mode);
      } catch (error) {
        if (osCode(error) !== 'ENOENT' || !path.startsWith(`${from}/`)) throw error;
        return files.open(`${to}${path.slice(from.length)}`, mode);
      }
    },
  };
}
