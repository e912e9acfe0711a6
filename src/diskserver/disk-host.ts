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
  type Disk,
  type DiskStatistics,
  type Environment,
} from '../block/disk.ts';
import { scrubWithoutKey } from '../block/keyless-scrub.ts';
import { lockDisk } from '../block/open-disk.ts';
import type { Pin } from '../block/pin.ts';
import { lossInWords } from '../block/recovery.ts';
import type { ScrubOptions } from '../block/scrub.ts';
import type { ExportInfo, OpenExport, ScrubState, StartScrub } from '../dataplane/data-plane.ts';
import type { Methods } from '../dataplane/protocol.ts';
import type { NbdServer } from '../nbd/server.ts';
import { DiskDirectories } from './disk-directories.ts';
import { DiskExport } from './disk-export.ts';
import type { ExportTable } from './export-table.ts';
import { ScrubRuns } from './scrub-runs.ts';

/** How long clients have to finish what they sent before an unexport disconnects them. */
const DRAIN_MS = 5_000;

interface Opened {
  readonly exportId: string;
  readonly diskId: string;
  readonly name: string;
  readonly socketPath: string;
  readonly disk: Disk;
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
  readonly #byDisk = new Map<string, Opened>();
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

  deleteDisk({ diskId, keepSnapshots }: Methods['deleteDisk']['params']): Promise<void> {
    return this.#turns.run(diskId, async () => {
      this.#refuseOpen(diskId);
      await this.#scrubs.stop(diskId, 'the disk is deleted');
      await deleteDisk(
        this.#environment,
        this.#directories.living(diskId),
        this.#directories.retired(diskId),
        keepSnapshots,
      );
    });
  }

  createSnapshot({ diskId, snapshotId, dataKey, pin }: Methods['createSnapshot']['params']): Promise<Pin> {
    return this.#turns.run(diskId, async () => {
      const opened = this.#byDisk.get(diskId);
      if (opened !== undefined) return opened.disk.snapshot(snapshotId);
      await this.#scrubs.stop(diskId, 'a snapshot is taken of the disk');
      const disk = await openDisk(this.#environment, this.#directories.living(diskId), {
        diskId,
        dataKey,
        pin,
        readOnly: false,
      });
      try {
        if (disk.recovered) this.#onPin(diskId, disk.pin);
        await disk.snapshot(snapshotId);
      } catch (error) {
        await disk.close().catch(() => disk.abandon());
        throw error;
      }
      return disk.close();
    });
  }

  deleteSnapshot({ diskId, snapshotId }: Methods['deleteSnapshot']['params']): Promise<void> {
    return this.#turns.run(diskId, () =>
      deleteSnapshot(this.#environment, this.#directories.withSnapshots(diskId), snapshotId),
    );
  }

  /** Opening an export again under the same id answers what is already there, so that a control plane may ask twice. */
  openExport(request: OpenExport): Promise<ExportInfo> {
    const { diskId, exportId, name, dataKey, pin, readOnly } = request;
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
      const socketPath = path.join(this.#socketDirectory, `${name}.sock`);
      try {
        disk.onPin = (newPin) => this.#onPin(diskId, newPin);
        // After a recovery, and where the owner missed the last one.
        if (disk.pin.sequence !== pin?.sequence) this.#onPin(diskId, disk.pin);
        this.#table.add({
          name,
          diskId,
          socketPath,
          pskIdentity: request.pskIdentity,
          psk: request.psk,
          export: new DiskExport(disk, diskId, readOnly),
        });
        await this.#nbd.listenUnix(socketPath);
      } catch (error) {
        this.#table.remove(name);
        await disk.close().catch(() => disk.abandon());
        throw error;
      }
      const opened: Opened = { exportId, diskId, name, socketPath, disk };
      this.#byExport.set(exportId, opened);
      this.#byDisk.set(diskId, opened);
      this.#log.info({ diskId, exportId, readOnly }, 'disk opened for clients');
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
        pin = await opened.disk.close();
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
        await opened.disk.abandon();
      }
      this.#byExport.delete(exportId);
      this.#byDisk.delete(opened.diskId);
      // The disk is closed and its pin must get out, whatever becomes of the socket.
      try {
        await this.#nbd.closeUnix(opened.socketPath);
      } catch (error) {
        this.#log.warn({ exportId, reason: messageOf(error) }, 'the socket of an export could not be closed');
      }
      this.#table.remove(opened.name);
      this.#log.info({ diskId: opened.diskId, exportId }, 'disk closed');
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
    return disk.loss === undefined ? info : { ...info, lost: lossInWords(disk.loss) };
  }
}
