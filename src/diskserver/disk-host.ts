import path from 'node:path';

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
import { lockDisk } from '../block/open-disk.ts';
import type { Pin } from '../block/format/pin.ts';
import { lossInWords } from '../block/state/recovery.ts';
import type { ScrubOptions } from '../block/scrub/scrub.ts';
import type {
  ExportAccess,
  ExportInfo,
  OpenExport,
  OpenSnapshotExport,
  ScrubState,
  StartScrub,
} from '../dataplane/data-plane.ts';
import type { Methods } from '../dataplane/protocol.ts';
import type { Export } from '../nbd/export.ts';
import type { NbdServer } from '../nbd/server.ts';
import { DiskDirectories } from './disk-directories.ts';
import { DiskExport } from './disk-export.ts';
import type { ExportTable } from './export-table.ts';
import { ScrubRuns } from './scrub-runs.ts';
import { SnapshotExport } from './snapshot-export.ts';

/** How often the owner is told how far the logs are durable. */
const LOG_PIN_MS = 2_000;

/** How long clients have to finish what they sent before an unexport disconnects them. */
const DRAIN_MS = 5_000;

interface Opened {
  readonly exportId: string;
  readonly diskId: string;
  readonly name: string;
  readonly socketPath: string;
  /** Undefined for the export of a snapshot. */
  readonly disk: Disk | undefined;
  /** How far the owner was told that the log is durable. */
  toldLog?: Pin['log'];
  /** Snapshots that must not go while this is open. */
  readonly holds: readonly string[];
  /** Lets go of everything; when it fails, everything is as before. */
  close(): Promise<Pin | undefined>;
  /** Lets go without a last write. */
  abandon(): Promise<void>;
}

/** Every disk that is open in this process. Each disk's operations run one at a time; disks do not wait for each other. */
export class DiskHost {
  readonly #environment: Environment;
  readonly #directories: DiskDirectories;
  readonly #socketDirectory: string;
  readonly #nbd: NbdServer;
  readonly #table: ExportTable;
  readonly #log: Logger;
  readonly #onPin: (diskId: string, pin: Pin) => void;
  readonly #byExport = new Map<string, Opened>();
  readonly #byDisk = new Map<string, Opened & { readonly disk: Disk }>();
  readonly #turns = new KeyedMutex();
  readonly #scrubs: ScrubRuns;

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
    this.#socketDirectory = parts.socketDirectory;
    this.#nbd = parts.nbd;
    this.#table = parts.table;
    this.#log = parts.log;
    this.#onPin = parts.onPin;
    this.#scrubs = new ScrubRuns(parts.environment.clock, parts.log);
    parts.environment.clock.every(LOG_PIN_MS, () => this.#tellLogs());
  }

  createDisk({ disk, dataKey }: Methods['createDisk']['params']): Promise<Pin> {
    return this.#turns.run(disk.diskId, () =>
      createDisk(this.#environment, this.#directories.living(disk.diskId), disk, dataKey),
    );
  }

  cloneDisk({ source, disk, dataKey }: Methods['cloneDisk']['params']): Promise<Pin> {
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
          { directory: this.#directories.living(disk.diskId), identity: disk, dataKey },
        ),
      ),
    );
  }

  deleteDisk({ diskId, snapshots }: Methods['deleteDisk']['params']): Promise<void> {
    return this.#turns.run(diskId, async () => {
      this.#refuseOpen(diskId);
      this.#refuseHeld(diskId, (snapshotId) => snapshots.drop.includes(snapshotId));
      await this.#scrubs.stop(diskId, 'the disk is deleted');
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
      this.#refuseHeld(diskId, (held) => held === snapshotId);
      const opened = this.#byDisk.get(diskId);
      if (opened !== undefined) return opened.disk.deleteSnapshot(snapshotId);
      return deleteSnapshot(this.#environment, this.#directories.withSnapshots(diskId), snapshotId);
    });
  }

  /** Connected clients go on with the size that they know. */
  growDisk({ diskId, sizeBytes, dataKey, pin }: Methods['growDisk']['params']): Promise<Pin> {
    return this.#onDisk({ diskId, dataKey, pin }, 'the disk is resized', (disk) => disk.grow(sizeBytes));
  }

  measureUsage({ diskId, dataKey, pin }: Methods['measureUsage']['params']): Promise<DiskUsage> {
    const opened = this.#byDisk.get(diskId);
    // It takes its time, during which the disk may be used for anything else.
    if (opened !== undefined) return opened.disk.usage();
    return this.#turns.run(diskId, async () => {
      const openedMeanwhile = this.#byDisk.get(diskId);
      if (openedMeanwhile !== undefined) return openedMeanwhile.disk.usage();
      await this.#scrubs.stop(diskId, 'what the disk takes is counted');
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
      const existing = this.#byExport.get(exportId);
      if (existing !== undefined) return this.#describe(existing);
      this.#refuseOpen(diskId);
      await this.#scrubs.stop(diskId, 'the disk is exported; scrub it again');
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
      const opened = {
        ...this.#placeOf(request),
        disk,
        holds: [],
        close: () => disk.close(),
        abandon: () => disk.abandon(),
      };
      await this.#serve(opened, request, () => new DiskExport(disk, diskId, readOnly));
      this.#byDisk.set(diskId, opened);
      this.#log.info({ diskId, exportId, readOnly }, 'disk opened for clients');
      return this.#describe(opened);
    });
  }

  /** The same for a snapshot, whatever becomes of its disk. It is not deleted while it is open, nor is its base. */
  openSnapshotExport(request: OpenSnapshotExport): Promise<ExportInfo> {
    const { diskId, exportId, snapshotId, baseSnapshotId } = request;
    return this.#turns.run(diskId, async () => {
      const existing = this.#byExport.get(exportId);
      if (existing !== undefined) return this.#describe(existing);
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
      const opened = { ...this.#placeOf(request), disk: undefined, holds, close, abandon: close };
      await this.#serve(opened, request, () => new SnapshotExport(view, snapshotId, base));
      this.#log.info({ diskId, snapshotId, baseSnapshotId, exportId }, 'snapshot opened for clients');
      return this.#describe(opened);
    });
  }

  async closeExport({ exportId, force }: Methods['closeExport']['params']): Promise<Pin | undefined> {
    const opened = this.#byExport.get(exportId);
    if (opened === undefined) return undefined;
    return this.#turns.run(opened.diskId, async () => {
      if (!this.#byExport.has(exportId)) return undefined;
      this.#table.suspend(opened.name);
      await this.#nbd.disconnect(opened.name, DRAIN_MS);
      let pin: Pin | undefined;
      try {
        pin = await opened.close();
      } catch (error) {
        if (!force) {
          this.#table.resume(opened.name);
          this.#log.error(
            { diskId: opened.diskId, exportId, reason: messageOf(error) },
            'the disk could not be closed; its export stays',
          );
          throw error;
        }
        this.#log.error(
          { diskId: opened.diskId, exportId, reason: messageOf(error) },
          'the disk was dropped without its last writes',
        );
        await opened.abandon();
      }
      this.#byExport.delete(exportId);
      if (opened.disk !== undefined) this.#byDisk.delete(opened.diskId);
      // The disk is closed and its pin must get out, whatever becomes of the socket.
      try {
        await this.#nbd.closeUnix(opened.socketPath);
      } catch (error) {
        this.#log.warn({ exportId, reason: messageOf(error) }, 'the socket of an export could not be closed');
      }
      this.#table.remove(opened.name);
      this.#log.info(
        { diskId: opened.diskId, exportId },
        opened.disk === undefined ? 'snapshot closed' : 'disk closed',
      );
      return pin;
    });
  }

  startScrub({ diskId, rateBytes, dataKey, pin }: StartScrub): Promise<ScrubState> {
    return this.#turns.run(diskId, async () => {
      if (this.#scrubs.isRunning(diskId))
        throw new SystemError('conflict', 'SCRUB_RUNNING', `a scrub of disk ${diskId} is running`);
      const opened = this.#byDisk.get(diskId);
      if (opened !== undefined)
        return this.#scrubs.start(
          diskId,
          rateBytes,
          (options) => opened.disk.scrub(options),
          async () => undefined,
        );
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
    return [...this.#byExport.values()].map((opened) => this.#describe(opened));
  }

  /** @throws {SystemError} kind `not-found`: the disk is not open. */
  statistics(diskId: string): DiskStatistics {
    const opened = this.#byDisk.get(diskId);
    if (opened === undefined) throw new SystemError('not-found', 'DISK_NOT_OPEN', `disk ${diskId} is not open`);
    return opened.disk.statistics;
  }

  /** Closes every disk; one that fails is named in the log and does not keep the others open. */
  async closeAll(): Promise<{ diskId: string; pin: Pin }[]> {
    await this.#scrubs.stopAll();
    const closed = await Promise.all(
      [...this.#byExport.values()].map(async ({ exportId, diskId }) => {
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
      const opened = this.#byDisk.get(diskId);
      if (opened !== undefined) return work(opened.disk);
      await this.#scrubs.stop(diskId, why);
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

  #placeOf({ exportId, diskId, name }: ExportAccess) {
    return { exportId, diskId, name, socketPath: path.join(this.#socketDirectory, `${name}.sock`) };
  }

  /** Shows an export to its clients; when that fails, what was opened is closed. */
  async #serve(opened: Opened, { pskIdentity, psk }: ExportAccess, serve: () => Export): Promise<void> {
    const { exportId, name, socketPath } = opened;
    try {
      this.#table.add({ name, diskId: opened.disk && opened.diskId, socketPath, pskIdentity, psk, serve });
      await this.#nbd.listenUnix(socketPath);
    } catch (error) {
      this.#table.remove(name);
      await opened.close().catch(() => opened.abandon());
      throw error;
    }
    this.#byExport.set(exportId, opened);
  }

  /** A snapshot that is read must stay. */
  #refuseHeld(diskId: string, isDoomed: (snapshotId: string) => boolean): void {
    for (const { exportId, diskId: other, holds } of this.#byExport.values()) {
      const held = other === diskId ? holds.find(isDoomed) : undefined;
      if (held !== undefined)
        throw new SystemError(
          'conflict',
          'SNAPSHOT_OPEN',
          `snapshot ${held} is needed by export ${exportId}; unexport that first`,
        );
    }
  }

  /** Runs `work` while nobody else has the disk. @throws {SystemError} kind `conflict`, code `DISK_OPEN`. */
  withClosedDisk<T>(diskId: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(diskId, async () => {
      this.#refuseOpen(diskId);
      await this.#scrubs.stop(diskId, 'a stream is applied to the disk; scrub it again');
      return work();
    });
  }

  /** Of disks whose log got further since they were asked last. */
  #tellLogs(): void {
    for (const opened of this.#byExport.values()) {
      const pin = opened.disk?.pin;
      if (pin?.log === undefined || isSamePosition(pin.log, opened.toldLog)) continue;
      opened.toldLog = pin.log;
      this.#onPin(opened.diskId, pin);
    }
  }

  #refuseOpen(diskId: string): void {
    const opened = this.#byDisk.get(diskId);
    if (opened !== undefined)
      throw new SystemError(
        'conflict',
        'DISK_OPEN',
        `disk ${diskId} is open as export ${opened.exportId}; unexport it first`,
      );
  }

  #describe({ exportId, diskId, name, socketPath, disk }: Opened): ExportInfo {
    const connections = this.#nbd.connections(name);
    const info: ExportInfo = { exportId, diskId, name, socketPath, connections, status: 'Serving' };
    return disk?.loss === undefined ? info : { ...info, lost: lossInWords(disk.loss) };
  }
}

function isSamePosition(a: NonNullable<Pin['log']>, b: Pin['log']): boolean {
  return a.segment === b?.segment && a.slot === b.slot;
}
