import { assert } from '../base/assert.ts';
import { messageOf, SystemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { KeyedMutex } from '../base/mutex.ts';
import {
  cloneDisk,
  createDisk,
  deleteDisk,
  deleteSnapshot,
  openDisk,
  openSnapshotView,
  type Disk,
  type DiskStatistics,
  type DiskUsage,
  type DataKey,
  type Environment,
  type SnapshotView,
} from '../block/disk.ts';
import { scrubWithoutKey } from '../block/scrub/keyless-scrub.ts';
import { lockDisk, settledHead } from '../block/open-disk.ts';
import { progressOf } from '../block/reencrypt/reencryption.ts';
import type { Pin } from '../block/format/pin.ts';
import type { ScrubOptions } from '../block/scrub/scrub.ts';
import type {
  ContinueReencryption,
  ExportInfo,
  OpenExport,
  OpenSnapshotExport,
  ReencryptionState,
  RotateDataKey,
  ScrubState,
  SettleDataKey,
  StartScrub,
} from '../dataplane/data-plane.ts';
import type { Methods } from '../dataplane/protocol.ts';
import type { NbdServer } from '../nbd/server.ts';
import { DiskDirectories } from './disk-directories.ts';
import { DiskExport } from './disk-export.ts';
import type { ExportTable } from './export-table.ts';
import { OpenExports } from './open-exports.ts';
import { ReencryptionRuns } from './reencryption-runs.ts';
import { ScrubRuns } from './scrub-runs.ts';
import { SnapshotExport } from './snapshot-export.ts';

/** Every disk that is open in this process. Each disk's operations run one at a time; disks do not wait for each other. */
export class DiskHost {
  readonly #environment: Environment;
  readonly #directories: DiskDirectories;
  readonly #log: Logger;
  readonly #onPin: (diskId: string, pin: Pin) => void;
  readonly #exports: OpenExports;
  readonly #turns = new KeyedMutex();
  readonly #scrubs: ScrubRuns;
  readonly #reencryptions: ReencryptionRuns;

  constructor(parts: {
    readonly environment: Environment;
    readonly dataDirectory: string;
    readonly socketDirectory: string;
    readonly nbd: NbdServer;
    readonly table: ExportTable;
    readonly log: Logger;
    readonly onPin: (diskId: string, pin: Pin) => void;
  }) {
    this.#environment = parts.environment;
    this.#directories = new DiskDirectories(parts.dataDirectory);
    this.#log = parts.log;
    this.#onPin = parts.onPin;
    this.#exports = new OpenExports({ ...parts, clock: parts.environment.clock });
    this.#scrubs = new ScrubRuns(parts.environment.clock, parts.log);
    this.#reencryptions = new ReencryptionRuns(parts.log, parts.onPin);
  }

  createDisk({ disk, dataKey }: Methods['createDisk']['params']): Promise<Pin> {
    return this.#turns.run(disk.diskId, () =>
      createDisk(this.#environment, this.#directories.living(disk.diskId), disk, dataKey),
    );
  }

  cloneDisk({ source, disk, dataKey, independent }: Methods['cloneDisk']['params']): Promise<Pin> {
    if (source.diskId === disk.diskId)
      return Promise.reject(
        new SystemError('conflict', 'DISK_EXISTS', `disk ${disk.diskId} cannot be made from itself; choose another id`),
      );
    // In one order for all, so that two clones never wait for each other.
    const [first, second] = [source.diskId, disk.diskId].toSorted() as [string, string];
    return this.#turns.run(first, () =>
      this.#turns.run(second, () =>
        cloneDisk(
          this.#environment,
          {
            directory: this.#directories.withSnapshots(source.diskId),
            snapshotId: source.snapshotId,
            dataKey: source.dataKey,
            pin: source.pin,
          },
          { directory: this.#directories.living(disk.diskId), identity: disk, dataKey, independent },
        ),
      ),
    );
  }

  deleteDisk({ diskId, snapshots }: Methods['deleteDisk']['params']): Promise<void> {
    return this.#turns.run(diskId, async () => {
      this.#exports.refuseOpen(diskId);
      this.#exports.refuseHeld(diskId, (snapshotId) => snapshots.drop.includes(snapshotId));
      await this.#free(diskId, 'the disk is deleted');
      await deleteDisk(
        this.#environment,
        this.#directories.living(diskId),
        this.#directories.retired(diskId),
        snapshots,
      );
    });
  }

  createSnapshot({ diskId, snapshotId, dataKey, pin }: Methods['createSnapshot']['params']): Promise<Pin> {
    return this.#onDisk({ diskId, dataKey, pin }, 'a snapshot is taken of the disk', (disk) =>
      disk.snapshot(snapshotId),
    );
  }

  /** @throws {SystemError} kind `conflict`: the snapshot is exported. */
  deleteSnapshot({ diskId, snapshotId }: Methods['deleteSnapshot']['params']): Promise<void> {
    return this.#turns.run(diskId, async () => {
      this.#exports.refuseHeld(diskId, (held) => held === snapshotId);
      const exported = this.#exports.disk(diskId);
      if (exported !== undefined) return exported.deleteSnapshot(snapshotId);
      await this.#reencryptions.stop(diskId);
      return deleteSnapshot(this.#environment, this.#directories.withSnapshots(diskId), snapshotId);
    });
  }

  /** Connected clients go on with the size that they know. */
  growDisk({ diskId, sizeBytes, dataKey, pin }: Methods['growDisk']['params']): Promise<Pin> {
    return this.#onDisk({ diskId, dataKey, pin }, 'the disk is resized', (disk) => disk.grow(sizeBytes));
  }

  rotateDataKey({ diskId, dataKey, pin, next }: RotateDataKey): Promise<Pin> {
    return this.#turns.run(diskId, async () => {
      // A view of a snapshot holds the keys of now, and would lose what is sealed anew.
      this.#exports.refuseHeld(diskId, () => true);
      const disk = await this.#toSealAnew(diskId, [dataKey], pin);
      try {
        const rotated = await disk.rotate(next);
        this.#log.info({ diskId, suite: next.dataKey.suite }, 'the disk has another data key');
        return rotated;
      } finally {
        this.#closeWhenSealed(diskId);
      }
    });
  }

  settleDataKey({ diskId, dataKeys, pin }: SettleDataKey): Promise<ReencryptionState> {
    return this.#turns.run(diskId, async () => {
      const open = this.#exports.disk(diskId) ?? this.#reencryptions.get(diskId);
      if (open !== undefined) {
        // A head that could not be written to both its places is: one more head leaves no doubt.
        const { wrappedKey } = open.keyState;
        const settled = await open.rewrap(wrappedKey);
        return { wrappedKey, progress: open.reencryption, pin: settled };
      }
      await this.#scrubs.stop(diskId, 'the data key of the disk is looked at; scrub it again');
      const directory = this.#directories.living(diskId);
      const { head, pin: settled } = await settledHead(this.#environment, directory, { diskId, dataKeys, pin });
      const { wrappedKey, reencryption } = head;
      return { wrappedKey, progress: reencryption && progressOf(reencryption), pin: settled };
    });
  }

  rewrapDataKey({ diskId, wrappedKey, dataKey, pin }: Methods['rewrapDataKey']['params']): Promise<Pin> {
    return this.#onDisk({ diskId, dataKey, pin }, 'the data key is wrapped anew', (disk) => disk.rewrap(wrappedKey));
  }

  continueReencryption(request: ContinueReencryption): Promise<ReencryptionState | undefined> {
    const { diskId, dataKeys, pin, paused, bytesPerSecond } = request;
    return this.#turns.run(diskId, async () => {
      const open = this.#exports.disk(diskId) ?? this.#reencryptions.get(diskId);
      if (open === undefined && dataKeys.length === 0) return undefined;
      const disk = open ?? (await this.#toSealAnew(diskId, dataKeys, pin));
      if (paused !== undefined || bytesPerSecond !== undefined)
        await disk.configureReencryption({
          ...(paused === undefined ? {} : { paused }),
          ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
        });
      const { wrappedKey } = disk.keyState;
      this.#closeWhenSealed(diskId);
      return { wrappedKey, progress: disk.reencryption, pin: disk.pin };
    });
  }

  measureUsage({ diskId, dataKey, pin }: Methods['measureUsage']['params']): Promise<DiskUsage> {
    const exported = this.#exports.disk(diskId);
    // It takes its time, during which the disk may be used for anything else.
    if (exported !== undefined) return exported.usage();
    return this.#turns.run(diskId, async () => {
      const exportedMeanwhile = this.#exports.disk(diskId);
      if (exportedMeanwhile !== undefined) return exportedMeanwhile.usage();
      await this.#free(diskId, 'what the disk takes is counted');
      const directory = this.#directories.living(diskId);
      const disk = await openDisk(this.#environment, directory, { diskId, dataKey, pin, readOnly: true });
      try {
        return await disk.usage();
      } finally {
        await disk.close();
      }
    });
  }

  /** Opening an export again under the same id answers what is already there, so that a control plane may ask twice. */
  openExport(request: OpenExport): Promise<ExportInfo> {
    const { diskId, exportId, dataKey, pin, readOnly } = request;
    return this.#turns.run(diskId, async () => {
      const existing = this.#exports.describe(exportId);
      if (existing !== undefined) return existing;
      this.#exports.refuseOpen(diskId);
      await this.#free(diskId, 'the disk is exported; scrub it again');
      const disk = await openDisk(this.#environment, this.#directories.living(diskId), {
        diskId,
        dataKey,
        pin,
        readOnly,
        adopt: request.adopt,
        salvage: request.salvage,
        expectClean: request.expectClean,
      });
      disk.onPin = (newPin) => this.#onPin(diskId, newPin);
      // After a recovery, and where the owner missed the last one.
      if (disk.pin.sequence !== pin?.sequence) this.#onPin(diskId, disk.pin);
      const info = await this.#exports.open(request, {
        disk,
        holds: [],
        serve: () => new DiskExport(disk, diskId, readOnly),
        close: () => disk.close(),
        abandon: () => disk.abandon(),
      });
      this.#log.info({ diskId, exportId, readOnly }, 'disk opened for clients');
      return info;
    });
  }

  /** The same for a snapshot, whatever becomes of its disk. It is not deleted while it is open, nor is its base. */
  openSnapshotExport(request: OpenSnapshotExport): Promise<ExportInfo> {
    const { diskId, exportId, snapshotId, baseSnapshotId } = request;
    return this.#turns.run(diskId, async () => {
      const existing = this.#exports.describe(exportId);
      if (existing !== undefined) return existing;
      const view = await this.#openView(request, snapshotId);
      let base: { readonly snapshotId: string; readonly view: SnapshotView } | undefined;
      try {
        if (baseSnapshotId !== undefined)
          base = { snapshotId: baseSnapshotId, view: await this.#openView(request, baseSnapshotId) };
      } catch (error) {
        await view.close();
        throw error;
      }
      const close = async (): Promise<undefined> => {
        await view.close();
        await base?.view.close();
      };
      const holds = baseSnapshotId === undefined ? [snapshotId] : [snapshotId, baseSnapshotId];
      const serve = (): SnapshotExport => new SnapshotExport(view, snapshotId, base);
      const info = await this.#exports.open(request, { disk: undefined, holds, serve, close, abandon: close });
      this.#log.info({ diskId, snapshotId, baseSnapshotId, exportId }, 'snapshot opened for clients');
      return info;
    });
  }

  async closeExport({ exportId, force }: Methods['closeExport']['params']): Promise<Pin | undefined> {
    const diskId = this.#exports.diskIdOf(exportId);
    if (diskId === undefined) return undefined;
    return this.#turns.run(diskId, () => this.#exports.close(exportId, force));
  }

  startScrub({ diskId, rateBytes, dataKey, pin }: StartScrub): Promise<ScrubState> {
    return this.#turns.run(diskId, async () => {
      if (this.#scrubs.isRunning(diskId))
        throw new SystemError('conflict', 'SCRUB_RUNNING', `a scrub of disk ${diskId} is running`);
      const exported = this.#exports.disk(diskId);
      if (exported !== undefined)
        return this.#scrubs.start(
          diskId,
          rateBytes,
          (options) => exported.scrub(options),
          async () => undefined,
        );
      await this.#reencryptions.stop(diskId);
      const directory = this.#directories.living(diskId);
      if (dataKey === undefined) {
        const lock = await lockDisk(this.#environment, directory);
        const scrubbing = (options: ScrubOptions) => scrubWithoutKey(this.#environment, directory, options);
        return this.#scrubs.start(diskId, rateBytes, scrubbing, async () => lock[Symbol.dispose]());
      }
      const disk = await openDisk(this.#environment, directory, { diskId, dataKey, pin, readOnly: true });
      const close = async (): Promise<void> => void (await disk.close());
      return this.#scrubs.start(diskId, rateBytes, (options) => disk.scrub(options), close);
    });
  }

  describeScrub(diskId: string): ScrubState | undefined {
    return this.#scrubs.describe(diskId);
  }

  listExports(): readonly ExportInfo[] {
    return this.#exports.list();
  }

  /** @throws {SystemError} kind `not-found`: the disk is not open. */
  statistics(diskId: string): DiskStatistics {
    const exported = this.#exports.disk(diskId);
    if (exported === undefined) throw new SystemError('not-found', 'DISK_NOT_OPEN', `disk ${diskId} is not open`);
    return exported.statistics;
  }

  /** Closes every disk; one that fails is named in the log and does not keep the others open. */
  async closeAll(): Promise<{ diskId: string; pin: Pin }[]> {
    await this.#scrubs.stopAll();
    await this.#reencryptions.stopAll();
    const closed = await Promise.all(
      this.#exports.list().map(async ({ exportId, diskId }) => {
        try {
          const pin = await this.closeExport({ exportId, force: true });
          return pin === undefined ? [] : [{ diskId, pin }];
        } catch (error) {
          this.#log.error({ diskId, exportId, reason: messageOf(error) }, 'the disk could not be closed');
          return [];
        }
      }),
    );
    return closed.flat();
  }

  /** Does something with a disk as its clients use it, or, when it has none, opens it for that. */
  #onDisk(
    { diskId, dataKey, pin }: { readonly diskId: string; readonly dataKey: DataKey; readonly pin: Pin | undefined },
    why: string,
    work: (disk: Disk) => Promise<Pin>,
  ): Promise<Pin> {
    return this.#turns.run(diskId, async () => {
      const exported = this.#exports.disk(diskId);
      if (exported !== undefined) return work(exported);
      await this.#free(diskId, why);
      const directory = this.#directories.living(diskId);
      const disk = await openDisk(this.#environment, directory, { diskId, dataKey, pin, readOnly: false });
      try {
        if (disk.recovered) this.#onPin(diskId, disk.pin);
        await work(disk);
      } catch (error) {
        await disk.close().catch(() => disk.abandon());
        throw error;
      }
      return disk.close();
    });
  }

  /** Ends what goes on with a disk without clients. */
  async #free(diskId: string, why: string): Promise<void> {
    await this.#scrubs.stop(diskId, why);
    await this.#reencryptions.stop(diskId);
  }

  /** The disk as its clients have it, or, when it has none, open for as long as it is sealed anew. */
  async #toSealAnew(diskId: string, dataKeys: readonly DataKey[], pin: Pin | undefined): Promise<Disk> {
    const open = this.#exports.disk(diskId) ?? this.#reencryptions.get(diskId);
    if (open !== undefined) return open;
    const [dataKey, ...otherDataKeys] = dataKeys;
    assert(dataKey !== undefined, 'a disk that is not open needs a key');
    await this.#scrubs.stop(diskId, 'the disk is sealed anew; scrub it again');
    const directory = this.#directories.living(diskId);
    const disk = await openDisk(this.#environment, directory, { diskId, dataKey, otherDataKeys, pin, readOnly: false });
    if (disk.recovered) this.#onPin(diskId, disk.pin);
    this.#reencryptions.add(diskId, disk);
    return disk;
  }

  /** A disk without clients is closed when there is no more to do, or when it cannot go on. */
  #closeWhenSealed(diskId: string): void {
    const disk = this.#reencryptions.get(diskId);
    const close = (): void =>
      void this.#turns.run(diskId, async () => {
        if (disk !== undefined && this.#reencryptions.get(diskId) === disk) await this.#reencryptions.stop(diskId);
      });
    void disk?.reencrypted().then(close, close);
  }

  #openView({ diskId, dataKey, pin }: OpenSnapshotExport, snapshotId: string): Promise<SnapshotView> {
    return openSnapshotView(this.#environment, {
      directory: this.#directories.living(diskId),
      retiredDirectory: this.#directories.retired(diskId),
      diskId,
      snapshotId,
      dataKey,
      pin,
    });
  }

  /** Runs `work` while nobody else has the disk. @throws {SystemError} kind `conflict`, code `DISK_OPEN`. */
  withClosedDisk<T>(diskId: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(diskId, async () => {
      this.#exports.refuseOpen(diskId);
      await this.#free(diskId, 'a stream is applied to the disk; scrub it again');
      return work();
    });
  }
}
