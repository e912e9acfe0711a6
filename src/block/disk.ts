/**
 * An encrypted disk in a directory of its own: START HERE. `Disk` serves bytes; `createDisk`, `openDisk`, `cloneDisk`,
 * `deleteDisk` and `deleteSnapshot` are the rest of what the outside calls. The formats are in docs/formats/.
 */
import { assert } from '../base/assert.ts';
import { SystemError } from '../base/errors.ts';
import { Mutex } from '../base/mutex.ts';
import { BLOCK_SIZE_BYTES } from '../base/units.ts';
import type { Suite } from '../crypto/aead.ts';
import { BlockReader } from './blocks/block-reader.ts';
import { BlockResolver } from './blocks/block-resolver.ts';
import { blockStatus } from './blocks/block-status.ts';
import type { Extent } from './blocks/block-status.ts';
import { BlockWriter } from './blocks/block-writer.ts';
import { ClientWrites } from './client-writes.ts';
import { Collections } from './collect/collections.ts';
import type { Collection } from './collect/collector.ts';
import { Reclaimer } from './collect/reclaimer.ts';
import { Upkeep } from './collect/upkeep.ts';
import { checkDiskSize } from './create-disk.ts';
import { forgetRoot } from './delete-disk.ts';
import type { Environment } from './files/environment.ts';
import { MARK_NAME } from './format/file-names.ts';
import type { Pin } from './format/pin.ts';
import { openState } from './open-disk.ts';
import type { OpenedState, OpenOptions } from './open-disk.ts';
import { KeyChanges } from './reencrypt/key-changes.ts';
import type { ReencryptionProgress } from './reencrypt/reencryption.ts';
import { checkWrappedKey } from './reencrypt/rotation.ts';
import type { Rotation } from './reencrypt/rotation.ts';
import { ChecksumKeeper } from './scrub/checksum-keeper.ts';
import { scrubDisk } from './scrub/disk-scrub.ts';
import type { ScrubReport } from './scrub/scrub-report.ts';
import type { ScrubOptions } from './scrub/scrub.ts';
import { Commits } from './state/commits.ts';
import type { DiskState } from './state/disk-state.ts';
import type { DiskStatistics } from './state/disk-work.ts';
import type { OpenParts } from './state/open-parts.ts';
import { Operations } from './state/operations.ts';
import type { LogLoss } from './state/recovery.ts';
import { changedBetween } from './views/compare-states.ts';
import type { ChangedExtent } from './views/compare-states.ts';
import { ComparedSnapshots } from './views/compared-snapshots.ts';
import { usageOfDisk } from './views/disk-usage.ts';
import type { SnapshotView } from './views/snapshot-view.ts';
import type { DiskUsage } from './views/usage.ts';

export { createDisk } from './create-disk.ts';
export { cloneDisk } from './clone-disk.ts';
export { deleteDisk, deleteSnapshot, removeLeftoverDirectories } from './delete-disk.ts';
export type { SnapshotFates } from './delete-disk.ts';
export type { DiskStatistics } from './state/disk-work.ts';
export { openSnapshotView } from './views/snapshot-view.ts';
export type { SnapshotView } from './views/snapshot-view.ts';
export type { ChangedExtent } from './views/compare-states.ts';
export type { DiskUsage, StateUsage } from './views/usage.ts';
export type { ReencryptionProgress } from './reencrypt/reencryption.ts';
export type { Rotation } from './reencrypt/rotation.ts';
export type { Environment } from './files/environment.ts';
export type { DataKey } from './keys/data-key.ts';
export type { DiskIdentity } from './format/head-format.ts';

/**
 * Opens a disk for one holder. A disk that was not closed in order is recovered first; read-only, in memory alone.
 * @throws {SystemError} kind `conflict`: held by somebody (`LOCKED`), left open elsewhere (`DISK_OPEN_ELSEWHERE`), or
 *   not closed in order although that was expected (`DISK_NOT_CLEAN`).
 * @throws {SystemError} kind `rolled-back`: older than the pin. Kind `corrupt`: what was flushed is damaged.
 */
export async function openDisk(env: Environment, directory: string, options: OpenOptions): Promise<Disk> {
  return new Disk(env, await openState(env, directory, options), options.readOnly);
}

export class Disk {
  /** True when the disk had not been closed in order: writes that were answered but not flushed may be missing. */
  readonly recovered: boolean;
  /** What a salvage left out. */
  readonly loss: LogLoss | undefined;
  readonly #env: Environment;
  readonly #state: DiskState;
  readonly #lock: Disposable;
  readonly #readOnly: boolean;
  readonly #operations = new Operations();
  readonly #commits: Commits;
  readonly #resolver: BlockResolver;
  readonly #reader: BlockReader;
  readonly #writes: ClientWrites;
  readonly #collections: Collections;
  readonly #upkeep: Upkeep;
  readonly #checksums: ChecksumKeeper;
  readonly #keyChanges: KeyChanges;
  readonly #snapshotIds: Set<string>;
  readonly #compared: ComparedSnapshots;
  readonly #reclaimer: Reclaimer;

  constructor(env: Environment, opened: OpenedState, readOnly: boolean) {
    const { state } = opened;
    this.#env = env;
    this.#state = state;
    this.#lock = opened.lock;
    this.#readOnly = readOnly;
    this.recovered = opened.recovered;
    this.loss = opened.inMemory?.loss;
    const segmentTurn = new Mutex();
    const parts: OpenParts = {
      state,
      readOnly,
      operations: this.#operations,
      commits: (this.#commits = new Commits(state, opened.inMemory, () => this.#tableWritten())),
      alone: (work) => segmentTurn.run(work),
    };
    this.#keyChanges = new KeyChanges(parts);
    this.#collections = new Collections(parts);
    this.#upkeep = new Upkeep(parts, this.#collections, () => this.#keyChanges.reencryptIfDue());
    this.#resolver = new BlockResolver(state);
    this.#reader = new BlockReader(state, this.#resolver);
    const writer = new BlockWriter(state, this.#resolver, this.#reader);
    this.#writes = new ClientWrites(parts, writer, this.#collections, this.#upkeep);
    this.#checksums = new ChecksumKeeper(state);
    this.#snapshotIds = new Set(opened.snapshotIds);
    this.#compared = new ComparedSnapshots(state);
    this.#reclaimer = new Reclaimer(env, state.directory, parts.alone);
    this.#keyChanges.reencryptIfDue();
  }

  /** Called whenever a newer state is durable. What a recovering open made durable is in `pin`. */
  get onPin(): ((pin: Pin) => void) | undefined {
    return this.#commits.onPin;
  }

  set onPin(onPin: ((pin: Pin) => void) | undefined) {
    this.#commits.onPin = onPin;
  }

  /** Grows with `grow`, and never shrinks. */
  get sizeBytes(): number {
    return this.#state.head.sizeBytes;
  }

  /** True while a write that was answered would not survive power loss. */
  get hasUnflushedWrites(): boolean {
    return this.#state.session?.log.hasUnsynced ?? false;
  }

  /** What the disk has done since it was opened. */
  get statistics(): DiskStatistics {
    const { session, work, frozen } = this.#state;
    return {
      ...work,
      logSlots: session?.log.slotsAppended ?? 0,
      checkpointing: frozen !== undefined,
      collecting: this.#collections.isRunning,
    };
  }

  /** The newest durable state; while the disk is being written, with how far its log is durable. */
  get pin(): Pin {
    const { pin, session } = this.#state;
    return session === undefined || this.#operations.isClosed ? pin : { ...pin, log: session.log.durable };
  }

  /**
   * Answers `length` bytes.
   * @throws {SystemError} kind `corrupt`: a block in the range failed verification; other ranges can be read.
   */
  async read(offset: number, length: number): Promise<Uint8Array> {
    this.#checkRange(offset, length);
    return this.#run(() => this.#reader.read(offset, length));
  }

  /**
   * Fills `out` from `offset` on if that needs no waiting; false, with anything in `out`, if it does or if `read` would
   * fail. Saves what a promise and a buffer for each small read cost.
   */
  readCached(offset: number, out: Uint8Array): boolean {
    this.#checkRange(offset, out.length);
    if (!this.#operations.isOpen || offset % BLOCK_SIZE_BYTES !== 0 || out.length % BLOCK_SIZE_BYTES !== 0)
      return false;
    try {
      return this.#reader.readCached(offset, out);
    } catch {
      return false;
    }
  }

  /**
   * `data` stays untouched until this settles. With `fua` it is durable when this resolves, else after a later `flush`.
   * @throws {SystemError} kind `no-space`: it may or may not have happened; reads go on, and writes when space returns.
   */
  write(offset: number, data: Uint8Array, options: { readonly fua: boolean }): Promise<void> {
    this.#checkRange(offset, data.length);
    return this.#writes.write(offset, data, options.fua);
  }

  /** Whole blocks in the range become holes; partial blocks keep their bytes. */
  async trim(offset: number, length: number, options: { readonly fua: boolean }): Promise<void> {
    this.#checkRange(offset, length);
    return this.#writes.trim(offset, length, options.fua);
  }

  /** The range reads as zeroes; with `noHole` it counts as allocated. */
  async zero(
    offset: number,
    length: number,
    options: { readonly fua: boolean; readonly noHole: boolean },
  ): Promise<void> {
    this.#checkRange(offset, length);
    return this.#writes.zero(offset, length, options);
  }

  /**
   * Every write that was answered before this call is durable when it resolves.
   * @throws {SystemError} nothing that was answered since the last flush may be believed durable; reads go on.
   */
  async flush(): Promise<void> {
    return this.#run(async () => {
      await this.#state.session?.log.flush();
    });
  }

  /** Extents from `offset` on, in order, without gaps, at least one; they may end before `offset + length`. */
  async blockStatus(offset: number, length: number): Promise<readonly Extent[]> {
    this.#checkRange(offset, length);
    return this.#run(() => blockStatus(this.#state, this.#resolver, offset, length));
  }

  /** Keeps the disk as it is now, with every answered write, under a name. Writes go on meanwhile. */
  async snapshot(snapshotId: string): Promise<Pin> {
    return this.#run(async () => {
      const pin = await this.#commits.checkpoint({ clean: false, snapshotId });
      this.#snapshotIds.add(snapshotId);
      return pin;
    });
  }

  /** The snapshots of the disk, in no order. */
  get snapshotIds(): readonly string[] {
    return [...this.#snapshotIds];
  }

  /** Forgets a snapshot; one that is not there is no error. Its files go soon after, before the disk is closed. */
  async deleteSnapshot(snapshotId: string): Promise<void> {
    return this.#run(async () => {
      try {
        const listed = await forgetRoot(this.#env, this.#state.directory, snapshotId);
        this.#snapshotIds.delete(snapshotId);
        this.#reclaimer.add(listed);
      } finally {
        this.#compared.forget(snapshotId);
      }
    });
  }

  /**
   * What differs between the disk now, with every answered write, and a snapshot of it: extents from `offset` on, in
   * order, without gaps, at least one; they may end before `offset + length`. Trimmed ranges count as changed.
   * @throws {SystemError} kind `not-found`: there is no such snapshot (any more).
   */
  async changedSince(snapshotId: string, offset: number, length: number): Promise<readonly ChangedExtent[]> {
    this.#checkRange(offset, length);
    return this.#run(() => this.#compared.changedSince(snapshotId, offset, length));
  }

  /** The same for a clone and a snapshot of the disk that it was made from, which the caller keeps open meanwhile. */
  async changedFrom(view: SnapshotView, offset: number, length: number): Promise<readonly ChangedExtent[]> {
    this.#checkRange(offset, length);
    return this.#run(() => changedBetween(view.state, this.#state, offset, length));
  }

  /** What the disk and each of its snapshots take, by themselves and together; see `countUsage`. */
  async usage(): Promise<DiskUsage> {
    return this.#run(() => usageOfDisk(this.#state, () => this.#operations.check()));
  }

  /**
   * Makes the disk larger, durably; what is new reads as zeroes. Its own size is no error, so that growing can be repeated.
   * @throws {SystemError} kind `invalid`: smaller than it is, or a size that no disk can have.
   */
  async grow(sizeBytes: number): Promise<Pin> {
    this.#refuseReadOnly();
    checkDiskSize(sizeBytes);
    return this.#run(() =>
      this.#commits.inTurn(async () => {
        const state = this.#state;
        if (sizeBytes < state.head.sizeBytes)
          throw new SystemError(
            'invalid',
            'DISK_SHRINKS',
            `the disk has ${state.head.sizeBytes} bytes and cannot shrink`,
          );
        if (sizeBytes > state.head.sizeBytes) await this.#commits.writeHead({ sizeBytes });
        return state.pin;
      }),
    );
  }

  /**
   * Keeps the same data key under another wrapping: one head.
   * @throws {SystemError} either wrapping may be what the head has; both open the disk.
   */
  async rewrap(wrappedKey: Uint8Array): Promise<Pin> {
    this.#refuseReadOnly();
    checkWrappedKey(wrappedKey);
    return this.#run(() =>
      this.#commits.inTurn(async () => {
        await this.#commits.writeHead({ wrappedKey });
        return this.#state.pin;
      }),
    );
  }

  /**
   * Gives the disk another data key, of the same suite or of another one. When this resolves, everything that is written
   * is sealed under it; what was written before is sealed anew in the background (`reencryption` tells how far that is).
   * @throws {SystemError} kind `conflict`, code `REENCRYPTION_RUNNING`: too many data keys are in use. Others: either data
   *   key may be the one that opens the disk the next time.
   */
  async rotate(rotation: Rotation): Promise<Pin> {
    this.#refuseReadOnly();
    return this.#run(() => this.#keyChanges.rotate(rotation));
  }

  /** The wrapped data key and the suite that the durable head names, and what the API is to call the disk. */
  get keyState(): { readonly wrappedKey: Uint8Array; readonly suite: Suite; readonly encrypted: boolean } {
    const { wrappedKey, suite, encrypted } = this.#state.head;
    return { wrappedKey, suite, encrypted };
  }

  /** How far everything is sealed under the disk's data key and suite; undefined when it is. */
  get reencryption(): ReencryptionProgress | undefined {
    return this.#keyChanges.progress;
  }

  /** Lets the re-encryption rest or go on, across restarts too, or gives it another limit. */
  async configureReencryption(changes: { readonly paused?: boolean; readonly bytesPerSecond?: number }): Promise<void> {
    this.#refuseReadOnly();
    await this.#run(() => this.#keyChanges.configure(changes));
  }

  /** Resolves when the re-encryption that runs has ended, is paused or has failed. */
  async reencrypted(): Promise<void> {
    await this.#keyChanges.ended();
  }

  /** Moves what changed into the map, so that recovery has less to do. Writes go on meanwhile. */
  async checkpoint(): Promise<Pin> {
    return this.#run(() => this.#commits.checkpoint({ clean: false }));
  }

  /** What the last collection found and did. */
  get lastCollection(): Collection | undefined {
    return this.#collections.last;
  }

  /** What the files of the disk hold, as far as the last collection and what was written since tell; undefined before. */
  get space(): { readonly storedBytes: number; readonly garbageBytes: number } | undefined {
    return this.#collections.space;
  }

  /** Brings back all the space that can be had now, and answers what that was. Reads and writes go on meanwhile. */
  async collect(): Promise<Collection> {
    this.#refuseReadOnly();
    return this.#run(() => this.#collections.collectAll());
  }

  /**
   * Reads and verifies everything that the disk and its snapshots need; what is written meanwhile is left out. I/O goes on.
   * @throws the signal's reason; {SystemError} code `SCRUB_STOPPED`: the disk was closed.
   */
  async scrub(options: ScrubOptions): Promise<ScrubReport> {
    return this.#run(() => scrubDisk(this.#state, this.#commits, options, this.#operations.signal));
  }

  /**
   * Waits for what is running, makes everything durable, lets go of the directory and the keys.
   * When this fails the disk stays open and usable; then it can be closed again or abandoned.
   */
  async close(): Promise<Pin> {
    this.#operations.beginClose();
    this.#collections.background.stop();
    try {
      await this.#keyChanges.stop();
      await this.#operations.settled();
      if (this.#state.session !== undefined) await this.#commits.checkpoint({ clean: true });
    } catch (error) {
      this.#operations.reopen();
      this.#collections.background.resume();
      this.#keyChanges.reencryptIfDue();
      throw error;
    }
    this.#operations.end();
    await this.#state.session?.log.close();
    await this.#state.spares.clear();
    if (!this.#readOnly) await this.#env.files.unlink(this.#state.path(MARK_NAME)).catch(() => undefined);
    await this.#release();
    return this.#state.pin;
  }

  /**
   * Drops everything without writing and lets go of the directory, which is free when this resolves. What was flushed
   * is there at the next open, the rest may be.
   */
  async abandon(): Promise<void> {
    if (this.#operations.isClosed) return;
    this.#operations.end();
    this.#collections.background.stop();
    const keysSettled = this.#keyChanges.stop();
    await this.#commits.begun();
    await this.#state.session?.log.close();
    await keysSettled;
    // Without the log they fail soon; until then they use what is about to be released.
    await this.#operations.settled();
    await this.#release();
  }

  async #release(): Promise<void> {
    this.#upkeep.stop();
    await this.#checksums.stop();
    await this.#reclaimer.done();
    this.#compared.close();
    this.#state.store.close();
    await this.#state.headFile.close().catch(() => undefined);
    this.#state.keys[Symbol.dispose]();
    this.#lock[Symbol.dispose]();
  }

  async #tableWritten(): Promise<void> {
    this.#checksums.catchUp();
    await this.#collections.release();
  }

  #run<T>(operation: () => Promise<T>): Promise<T> {
    return this.#operations.run(operation);
  }

  #refuseReadOnly(): void {
    if (this.#readOnly) throw new SystemError('denied', 'READ_ONLY', 'the disk is open for reading only');
  }

  /** The caller has checked what clients ask for. */
  #checkRange(offset: number, length: number): void {
    assert(
      Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0,
      'offsets and lengths are whole numbers',
    );
    assert(offset + length <= this.sizeBytes, 'a range lies inside the disk');
  }
}
