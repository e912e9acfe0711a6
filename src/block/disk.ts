/**
 * An encrypted disk in a directory of its own: START HERE. `Disk` serves bytes; `createDisk`, `openDisk`, `cloneDisk`,
 * `deleteDisk` and `deleteSnapshot` are the rest of what the outside calls. The formats are in docs/formats/.
 */
import { assert } from '../base/assert.ts';
import { isKind, messageOf, SystemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { Mutex } from '../base/mutex.ts';
import { BLOCK_SIZE_BYTES } from '../base/units.ts';
import type { Suite } from '../crypto/aead.ts';
import { BlockReader } from './blocks/block-reader.ts';
import { BlockResolver } from './blocks/block-resolver.ts';
import { blockStatus } from './blocks/block-status.ts';
import type { Extent } from './blocks/block-status.ts';
import { BlockWriter } from './blocks/block-writer.ts';
import { Collector } from './collect/collector.ts';
import type { Collection } from './collect/collector.ts';
import { Reclaimer } from './collect/reclaimer.ts';
import { SpaceReserve } from './collect/space-reserve.ts';
import { checkDiskSize } from './create-disk.ts';
import { forgetRoot } from './delete-disk.ts';
import type { Environment } from './files/environment.ts';
import { MARK_NAME } from './format/file-names.ts';
import type { Pin } from './format/pin.ts';
import type { Log } from './log/log.ts';
import { openState } from './open-disk.ts';
import type { OpenedState, OpenOptions } from './open-disk.ts';
import { Reencryption } from './reencrypt/reencryption.ts';
import type { ReencryptionProgress } from './reencrypt/reencryption.ts';
import { checkWrappedKey, commitDataKey } from './reencrypt/rotation.ts';
import type { Rotation } from './reencrypt/rotation.ts';
import { ChecksumKeeper } from './scrub/checksum-keeper.ts';
import type { ScrubReport } from './scrub/scrub-report.ts';
import { scrub } from './scrub/scrub.ts';
import type { ScrubOptions } from './scrub/scrub.ts';
import { keptStates } from './scrub/scrubbed-states.ts';
import { checkpoint, commitIdle, renewHead } from './state/checkpoint.ts';
import { checkHeadAndTable } from './state/disk-checks.ts';
import type { DiskState, Session } from './state/disk-state.ts';
import type { DiskStatistics } from './state/disk-work.ts';
import { recover } from './state/recovery.ts';
import type { LogLoss } from './state/recovery.ts';
import { beginSession } from './state/session.ts';
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

/** A collection begins by itself when so many slots were written, as a part of those that were live. */
const COLLECT_AFTER = 1 / 32;
/** How often a disk looks whether its clients have stopped writing. */
const IDLE_MS = 30_000;
/** A disk that is short of space looks for some so often, even if nothing was written or trimmed. */
const COLLECT_AGAIN_MS = 10_000;

/** A re-encryption that failed, for example for lack of space, begins again after this long, so many times. */
const REENCRYPTION_RETRY_MS = 30_000;
const REENCRYPTION_TRIES = 5;

export class Disk {
  /** True when the disk had not been closed in order: writes that were answered but not flushed may be missing. */
  readonly recovered: boolean;
  /** What a salvage left out. */
  readonly loss: LogLoss | undefined;
  /** Called whenever a newer state is durable. What a recovering open made durable is in `pin`. */
  onPin: ((pin: Pin) => void) | undefined;
  readonly #env: Environment;
  readonly #state: DiskState;
  readonly #lock: Disposable;
  readonly #readOnly: boolean;
  /** The log was replayed in memory; whoever writes a head has to recover the files first. */
  #inMemory: boolean;
  readonly #resolver: BlockResolver;
  readonly #reader: BlockReader;
  readonly #writer: BlockWriter;
  readonly #compared: ComparedSnapshots;
  readonly #reclaimer: Reclaimer;
  readonly #snapshotIds: Set<string>;
  /** Held by checkpoints, snapshots, the close, and whoever writes the head. */
  readonly #headTurn = new Mutex();
  #beginning: Promise<Session> | undefined;
  #condition: 'open' | 'closing' | 'closed' = 'open';
  readonly #running = new Set<Promise<unknown>>();
  #slotsAtCheckpoint = 0;
  /** A checkpoint that failed is tried again after this many more changes. */
  #changesForCheckpoint = 0;
  #checkpointing = false;
  readonly #checksums: ChecksumKeeper;
  /** Ends a scrub when the disk is closed. */
  #stopping = new AbortController();
  readonly #collector: Collector;
  #collecting: Promise<Collection> | undefined;
  /** What the last collection found and did. */
  lastCollection: Collection | undefined;
  #slotsAtCollection = 0;
  #idleLook: Disposable | undefined;
  #slotsAtIdleLook = -1;
  readonly #reserve: SpaceReserve;
  /** When blocks were last refused for want of space, and what the log had then. */
  #slotsAtShort = -1;
  #shortAtMs = 0;
  #collectingAll = false;
  readonly #reencryption: Reencryption;
  #reencrypting: Promise<void> | undefined;
  #reencryptionFailures = 0;
  #rotating = false;
  /** Held by whoever replaces the files of segments. */
  readonly #segmentTurn = new Mutex();

  constructor(env: Environment, opened: OpenedState, readOnly: boolean) {
    this.#env = env;
    this.#state = opened.state;
    this.#lock = opened.lock;
    this.#readOnly = readOnly;
    this.recovered = opened.recovered;
    this.#inMemory = opened.inMemory !== undefined;
    this.loss = opened.inMemory?.loss;
    this.#reserve = new SpaceReserve(env.files, opened.state.directory);
    this.#collector = new Collector(opened.state, (work) => this.#headTurn.run(work));
    this.#resolver = new BlockResolver(opened.state);
    this.#reader = new BlockReader(opened.state, this.#resolver);
    this.#checksums = new ChecksumKeeper(opened.state);
    this.#writer = new BlockWriter(opened.state, this.#resolver, this.#reader);
    this.#compared = new ComparedSnapshots(opened.state);
    this.#reclaimer = new Reclaimer(env, opened.state.directory, (work) => this.#segmentTurn.run(work));
    this.#snapshotIds = new Set(opened.snapshotIds);
    this.#reencryption = new Reencryption(opened.state, {
      inHeadTurn: (work) => this.#headTurn.run(work),
      alone: (work) => this.#segmentTurn.run(work),
      commit: (freshEpochs) => this.#commitTable(freshEpochs),
      writeHead: (changes) => this.#writeHead(changes),
    });
    this.#reencryptIfDue();
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
      collecting: this.#collecting !== undefined,
    };
  }

  /** The newest durable state; while the disk is being written, with how far its log is durable. */
  get pin(): Pin {
    const { pin, session } = this.#state;
    return session === undefined || this.#condition === 'closed' ? pin : { ...pin, log: session.log.durable };
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
    if (this.#condition !== 'open' || offset % BLOCK_SIZE_BYTES !== 0 || out.length % BLOCK_SIZE_BYTES !== 0)
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
    const log = options.fua ? undefined : this.#logAtHand();
    const done = log === undefined ? 0 : this.#writer.writeAtOnce(log, offset, data);
    if (log !== undefined && done === data.length) {
      this.#checkpointIfDue();
      return log.written();
    }
    const rest = data.subarray(done);
    return this.#change(options.fua, async (ready) => {
      await this.#refuseWithoutSpace(ready);
      await this.#writer.write(ready, offset + done, rest);
    });
  }

  /** Whole blocks in the range become holes; partial blocks keep their bytes. */
  async trim(offset: number, length: number, options: { readonly fua: boolean }): Promise<void> {
    this.#checkRange(offset, length);
    return this.#change(options.fua, (log) => this.#writer.trim(log, offset, length));
  }

  /** The range reads as zeroes; with `noHole` it counts as allocated. */
  async zero(
    offset: number,
    length: number,
    options: { readonly fua: boolean; readonly noHole: boolean },
  ): Promise<void> {
    this.#checkRange(offset, length);
    return this.#change(options.fua, (log) => this.#writer.zero(log, offset, length, options));
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
      const pin = await this.#checkpoint({ clean: false, snapshotId });
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
    return this.#run(() => usageOfDisk(this.#state, () => this.#checkOpen()));
  }

  /**
   * Makes the disk larger, durably; what is new reads as zeroes. Its own size is no error, so that growing can be repeated.
   * @throws {SystemError} kind `invalid`: smaller than it is, or a size that no disk can have.
   */
  async grow(sizeBytes: number): Promise<Pin> {
    this.#refuseReadOnly();
    checkDiskSize(sizeBytes);
    return this.#run(() =>
      this.#headTurn.run(async () => {
        const state = this.#state;
        if (sizeBytes < state.head.sizeBytes)
          throw new SystemError(
            'invalid',
            'DISK_SHRINKS',
            `the disk has ${state.head.sizeBytes} bytes and cannot shrink`,
          );
        if (sizeBytes === state.head.sizeBytes) return state.pin;
        await renewHead(state, { sizeBytes });
        this.onPin?.(state.pin);
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
      this.#headTurn.run(async () => {
        await this.#writeHead({ wrappedKey });
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
    return this.#run(async () => {
      this.#rotating = true;
      try {
        // What is old is known anew after the head.
        this.#reencryption.stop();
        await this.#reencrypting;
        const work = await this.#reencryption.count();
        return await this.#headTurn.run(async () => {
          await commitDataKey(this.#state, rotation, work);
          this.onPin?.(this.#state.pin);
          await this.#state.spares.clear();
          if (this.#state.session !== undefined) await this.#commitTable(true);
          return this.#state.pin;
        });
      } finally {
        this.#rotating = false;
        this.#reencryptIfDue();
      }
    });
  }

  /** The wrapped data key and the suite that the durable head names, and what the API is to call the disk. */
  get keyState(): { readonly wrappedKey: Uint8Array; readonly suite: Suite; readonly encrypted: boolean } {
    const { wrappedKey, suite, encrypted } = this.#state.head;
    return { wrappedKey, suite, encrypted };
  }

  /** How far everything is sealed under the disk's data key and suite; undefined when it is. */
  get reencryption(): ReencryptionProgress | undefined {
    return this.#reencryption.progress;
  }

  /** Lets the re-encryption rest or go on, across restarts too, or gives it another limit. */
  async configureReencryption(changes: { readonly paused?: boolean; readonly bytesPerSecond?: number }): Promise<void> {
    this.#refuseReadOnly();
    await this.#run(async () => {
      if (changes.paused === true) {
        this.#reencryption.stop();
        await this.#reencrypting;
      }
      await this.#headTurn.run(async () => {
        const { reencryption } = this.#state.head;
        if (reencryption !== undefined) await this.#writeHead({ reencryption: { ...reencryption, ...changes } });
      });
      this.#reencryptIfDue();
    });
  }

  /** Resolves when the re-encryption that runs has ended, is paused or has failed. */
  async reencrypted(): Promise<void> {
    await this.#reencrypting;
  }

  /** Moves what changed into the map, so that recovery has less to do. Writes go on meanwhile. */
  async checkpoint(): Promise<Pin> {
    return this.#run(() => this.#checkpoint({ clean: false }));
  }

  /** What the files of the disk hold, as far as the last collection and what was written since tell; undefined before. */
  get space(): { readonly storedBytes: number; readonly garbageBytes: number } | undefined {
    return this.lastCollection && this.#collector.estimate;
  }

  /** Brings back all the space that can be had now, and answers what that was. Reads and writes go on meanwhile. */
  async collect(): Promise<Collection> {
    if (this.#readOnly) throw new SystemError('denied', 'READ_ONLY', 'the disk is open for reading only');
    return this.#run(() => this.#collectAll());
  }

  /**
   * Reads and verifies everything that the disk and its snapshots need; what is written meanwhile is left out. I/O goes on.
   * @throws the signal's reason; {SystemError} code `SCRUB_STOPPED`: the disk was closed.
   */
  async scrub(options: ScrubOptions): Promise<ScrubReport> {
    return this.#run(async () => {
      const state = this.#state;
      // The map then has every block that was written before; without space an older one is scrubbed.
      if (state.session !== undefined)
        await this.#checkpoint({ clean: false }).catch((error: unknown) =>
          this.#env.log.warn({ diskId: state.head.diskId, reason: messageOf(error) }, 'the scrub goes on without'),
        );
      const { signal } = this.#stopping;
      const target = {
        env: this.#env,
        directory: state.directory,
        keys: state.keys,
        store: state.store,
        takeChecksums: !this.#inMemory,
        diskId: state.head.diskId,
        states: (log: Logger) => keptStates(state, log),
        checkRecords: (log: Logger) => this.#headTurn.run(() => checkHeadAndTable(state, log)),
      };
      return scrub(target, {
        ...options,
        signal: options.signal === undefined ? signal : AbortSignal.any([signal, options.signal]),
      });
    });
  }

  /**
   * Waits for what is running, makes everything durable, lets go of the directory and the keys.
   * When this fails the disk stays open and usable; then it can be closed again or abandoned.
   */
  async close(): Promise<Pin> {
    this.#checkOpen();
    this.#condition = 'closing';
    this.#stopping.abort(new SystemError('conflict', 'SCRUB_STOPPED', 'the disk was closed while it was scrubbed'));
    this.#collector.background.stop();
    this.#reencryption.stop();
    try {
      await this.#reencrypting;
      while (this.#running.size > 0) await Promise.allSettled(this.#running);
      if (this.#state.session !== undefined) await this.#checkpoint({ clean: true });
    } catch (error) {
      this.#condition = 'open';
      this.#stopping = new AbortController();
      this.#collector.background.resume();
      this.#reencryptIfDue();
      throw error;
    }
    this.#condition = 'closed';
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
    if (this.#condition === 'closed') return;
    this.#condition = 'closed';
    this.#stopping.abort(new SystemError('conflict', 'SCRUB_STOPPED', 'the disk was closed while it was scrubbed'));
    this.#collector.background.stop();
    this.#reencryption.stop();
    await this.#beginning?.catch(() => undefined);
    await this.#state.session?.log.close();
    await this.#reencrypting;
    // Without the log they fail soon; until then they use what is about to be released.
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    await this.#release();
  }

  async #release(): Promise<void> {
    this.#idleLook?.[Symbol.dispose]();
    await this.#checksums.stop();
    await this.#reclaimer.done();
    this.#compared.close();
    this.#state.store.close();
    await this.#state.headFile.close().catch(() => undefined);
    this.#state.keys[Symbol.dispose]();
    this.#lock[Symbol.dispose]();
  }

  async #change(fua: boolean, change: (log: Log) => Promise<void>): Promise<void> {
    this.#refuseReadOnly();
    await this.#run(async () => {
      const { log } = this.#state.session ?? (await this.#begin());
      if (this.#state.headInDoubt) await this.#settleHead();
      await this.#keepBehindCheckpoint(log);
      await change(log);
      await log.written();
      if (fua) await log.flush();
    });
    this.#checkpointIfDue();
  }

  /** What brings space back goes on when blocks are refused, and begins then if it is not under way. */
  async #refuseWithoutSpace(log: Log): Promise<void> {
    try {
      await this.#reserve.refuseIfShort(log.slotsAppended);
    } catch (error) {
      const nowMs = this.#env.clock.monotonicMs();
      const isNew = log.slotsAppended !== this.#slotsAtShort || nowMs - this.#shortAtMs >= COLLECT_AGAIN_MS;
      if (isNew && !this.#collectingAll) {
        this.#slotsAtShort = log.slotsAppended;
        this.#shortAtMs = nowMs;
        this.#run(() => this.#collectAll()).catch((reason: unknown) => this.#warnOfCollection(reason));
      }
      throw error;
    }
  }

  /** The log when a write has nothing to wait for before it is appended. */
  #logAtHand(): Log | undefined {
    const { session, headInDoubt, pace, overlay } = this.#state;
    if (this.#readOnly || this.#condition !== 'open' || session === undefined || headInDoubt) return undefined;
    if (this.#collector.background.clientsMustWait || this.#reserve.isDue(session.log.slotsAppended)) return undefined;
    return pace?.mustWait(overlay.size, session.log.slotsAppended) === true ? undefined : session.log;
  }

  #begin(): Promise<Session> {
    this.#beginning ??= this.#headTurn
      .run(async () => {
        this.#state.session = await beginSession(this.#state);
        this.#idleLook ??= this.#env.clock.every(IDLE_MS, () => this.#tidyIfIdle());
        this.onPin?.(this.#state.pin);
        return this.#state.session;
      })
      .finally(() => {
        this.#beginning = undefined;
      });
    return this.#beginning;
  }

  /** A clean head may be on disk although the disk is being written again: no write is answered before it is replaced. */
  #settleHead(): Promise<void> {
    return this.#headTurn.run(async () => {
      if (!this.#state.headInDoubt) return;
      await renewHead(this.#state);
      this.#state.headInDoubt = false;
      this.onPin?.(this.#state.pin);
    });
  }

  #checkpoint(options: { readonly clean: boolean; readonly snapshotId?: string }): Promise<Pin> {
    return this.#headTurn.run(async () => {
      if (this.#inMemory) await this.#recoverFiles();
      await checkpoint(this.#state, options);
      this.#checksums.catchUp();
      this.onPin?.(this.#state.pin);
      await this.#collector.release();
      return this.#state.pin;
    });
  }

  /** In the head's turn: a table and a head, whether the disk is being written or not. */
  async #commitTable(freshEpochs: boolean): Promise<void> {
    if (this.#state.session === undefined) await commitIdle(this.#state);
    else await checkpoint(this.#state, { clean: false, freshEpochs });
    this.#checksums.catchUp();
    this.onPin?.(this.#state.pin);
    await this.#collector.release();
  }

  async #writeHead(changes: Parameters<typeof renewHead>[1]): Promise<void> {
    await renewHead(this.#state, changes);
    this.onPin?.(this.#state.pin);
  }

  /** A snapshot of a disk that is open for reading only: its files must be at the state that is read. */
  async #recoverFiles(): Promise<void> {
    if (this.loss !== undefined) throw new SystemError('denied', 'READ_ONLY', 'a salvaged disk is only read');
    await recover(this.#state);
    this.#inMemory = false;
  }

  async #keepBehindCheckpoint(log: Log): Promise<void> {
    const state = this.#state;
    while (state.pace?.mustWait(state.overlay.size, log.slotsAppended) === true) await state.pace.moved();
    const { background } = this.#collector;
    while (background.clientsMustWait) await background.moved();
  }

  #checkpointIfDue(): void {
    const { limits, overlay, session } = this.#state;
    if (this.#checkpointing || this.#condition !== 'open' || session === undefined) return;
    const slots = session.log.slotsAppended - this.#slotsAtCheckpoint;
    const changesMax = Math.max(limits.checkpointChanges, this.#changesForCheckpoint);
    const slotsMax = Math.min(limits.checkpointSlots, this.#collector.checkpointAfterSlots);
    if (slots < slotsMax && overlay.size < changesMax) return;
    this.#checkpointing = true;
    this.#slotsAtCheckpoint = session.log.slotsAppended;
    this.#run(() => this.#checkpoint({ clean: false }))
      .then(
        () => {
          this.#changesForCheckpoint = 0;
          this.#collectIfDue();
          this.#reencryptIfDue();
        },
        (error: unknown) => {
          this.#changesForCheckpoint = this.#state.overlay.size + Math.ceil(limits.checkpointChanges / 4);
          this.#env.log.warn({ diskId: this.#state.head.diskId, reason: messageOf(error) }, 'a checkpoint failed');
        },
      )
      .finally(() => {
        this.#checkpointing = false;
      });
  }

  /** When clients have stopped writing: a checkpoint and a collection of what they left, and no spare files. */
  #tidyIfIdle(): void {
    const { session, overlay, spares } = this.#state;
    if (session === undefined || this.#condition !== 'open') return;
    const { slotsAppended } = session.log;
    const isIdle = slotsAppended === this.#slotsAtIdleLook;
    this.#slotsAtIdleLook = slotsAppended;
    if (!isIdle || (overlay.size === 0 && spares.count === 0)) return;
    this.#run(async () => {
      if (overlay.size > 0) {
        await this.#checkpoint({ clean: false });
        await this.#collectOnce(false);
        if (this.#collector.condemned > 0) await this.#checkpoint({ clean: false });
      }
      await spares.clear();
    }).catch((error: unknown) => this.#warnOfCollection(error));
  }

  #collectIfDue(): void {
    const { limits, session } = this.#state;
    if (this.#collecting !== undefined || this.#condition !== 'open' || session === undefined) return;
    const slots = session.log.slotsAppended - this.#slotsAtCollection;
    if (slots < Math.max(limits.segmentSlots, (this.lastCollection?.liveSlots ?? 0) * COLLECT_AFTER)) return;
    this.#run(() => this.#collectOnce(false)).catch((error: unknown) => this.#warnOfCollection(error));
  }

  async #collectAll(): Promise<Collection> {
    this.#collectingAll = true;
    try {
      await this.#checkpoint({ clean: false });
      await this.#collecting?.catch(() => undefined);
      const collection = await this.#collectOnce(true);
      if (this.#collector.condemned > 0) await this.#checkpoint({ clean: false });
      if (this.#reserve.isShort) await this.#state.spares.clear();
      return collection;
    } finally {
      this.#collectingAll = false;
    }
  }

  #warnOfCollection(error: unknown): void {
    if (!isKind(error, 'conflict'))
      this.#env.log.warn({ diskId: this.#state.head.diskId, reason: messageOf(error) }, 'a collection failed');
  }

  #collectOnce(isUrgent: boolean): Promise<Collection> {
    this.#collecting ??= this.#segmentTurn
      .run(() => this.#collector.collect(isUrgent))
      .then((collection) => {
        this.lastCollection = collection;
        const { work } = this.#state;
        work.segmentsCollected += collection.dead + collection.rewritten;
        work.collectedBytes += collection.writtenBytes;
        return collection;
      })
      .finally(() => {
        this.#collecting = undefined;
      });
    this.#slotsAtCollection = this.#state.session?.log.slotsAppended ?? 0;
    return this.#collecting;
  }

  /** What failed is tried again some time later; after some failures with the next checkpoint or open. */
  #reencryptIfDue(): void {
    const { reencryption } = this.#state.head;
    if (this.#reencrypting !== undefined || reencryption === undefined || reencryption.paused) return;
    if (this.#readOnly || this.#rotating || this.#condition !== 'open') return;
    this.#reencryption.resume();
    this.#reencrypting = this.#reencryption
      .run()
      .then(
        () => {
          this.#reencryptionFailures = 0;
        },
        (error: unknown) => {
          if (isKind(error, 'conflict')) return;
          this.#reencryptionFailures += 1;
          const { diskId } = this.#state.head;
          this.#env.log.warn({ diskId, reason: messageOf(error) }, 'the re-encryption failed and is tried again');
        },
      )
      .finally(() => {
        this.#reencrypting = undefined;
        if (this.#reencryptionFailures > 0 && this.#reencryptionFailures < REENCRYPTION_TRIES)
          void this.#env.clock.sleep(REENCRYPTION_RETRY_MS, this.#stopping.signal).then(
            () => this.#reencryptIfDue(),
            () => undefined,
          );
      });
  }

  async #run<T>(operation: () => Promise<T>): Promise<T> {
    this.#checkOpen();
    const running = operation();
    this.#running.add(running);
    const done = (): boolean => this.#running.delete(running);
    running.then(done, done);
    return running;
  }

  #refuseReadOnly(): void {
    if (this.#readOnly) throw new SystemError('denied', 'READ_ONLY', 'the disk is open for reading only');
  }

  #checkOpen(): void {
    if (this.#condition !== 'open') throw new SystemError('conflict', 'DISK_CLOSED', 'the disk is closed');
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
