import path from 'node:path';

import type { Clock } from '../base/clock.ts';
import { messageOf, SystemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Disk } from '../block/disk.ts';
import type { Pin } from '../block/format/pin.ts';
import { lossInWords } from '../block/state/recovery.ts';
import type { ExportAccess, ExportInfo } from '../dataplane/data-plane.ts';
import type { Export } from '../nbd/export.ts';
import type { NbdServer } from '../nbd/server.ts';
import type { ExportTable } from './export-table.ts';

/** How often the owner is told how far the logs are durable. */
const LOG_PIN_MS = 2_000;

/** How long clients have to finish what they sent before an unexport disconnects them. */
const DRAIN_MS = 5_000;

/** What is opened for an export. */
export interface Content {
  /** Undefined for a snapshot. */
  readonly disk: Disk | undefined;
  /** Snapshots that must not go while this is open. */
  readonly holds: readonly string[];
  serve(): Export;
  /** Lets go of everything; when it fails, everything is as before. */
  close(): Promise<Pin | undefined>;
  /** Lets go without a last write. */
  abandon(): Promise<void>;
}

interface Opened extends Content {
  readonly exportId: string;
  readonly diskId: string;
  readonly name: string;
  readonly socketPath: string;
  /** How far the owner was told that the log is durable. */
  toldLog?: Pin['log'];
}

/** What is open and shown to clients. Whoever opens or closes has the turn of the disk. */
export class OpenExports {
  readonly #nbd: NbdServer;
  readonly #table: ExportTable;
  readonly #socketDirectory: string;
  readonly #log: Logger;
  readonly #onPin: (diskId: string, pin: Pin) => void;
  readonly #byExport = new Map<string, Opened>();
  readonly #byDisk = new Map<string, Opened & { readonly disk: Disk }>();

  constructor(parts: {
    readonly nbd: NbdServer;
    readonly table: ExportTable;
    readonly socketDirectory: string;
    readonly clock: Clock;
    readonly log: Logger;
    readonly onPin: (diskId: string, pin: Pin) => void;
  }) {
    this.#nbd = parts.nbd;
    this.#table = parts.table;
    this.#socketDirectory = parts.socketDirectory;
    this.#log = parts.log;
    this.#onPin = parts.onPin;
    parts.clock.every(LOG_PIN_MS, () => this.#tellLogs());
  }

  /** The disk as its clients use it, if it is exported. */
  disk(diskId: string): Disk | undefined {
    return this.#byDisk.get(diskId)?.disk;
  }

  diskIdOf(exportId: string): string | undefined {
    return this.#byExport.get(exportId)?.diskId;
  }

  describe(exportId: string): ExportInfo | undefined {
    const opened = this.#byExport.get(exportId);
    return opened && this.#infoOf(opened);
  }

  list(): readonly ExportInfo[] {
    return [...this.#byExport.values()].map((opened) => this.#infoOf(opened));
  }

  /** Shows something to clients; when that fails, it is closed. */
  async open({ exportId, diskId, name, pskIdentity, psk }: ExportAccess, content: Content): Promise<ExportInfo> {
    const socketPath = path.join(this.#socketDirectory, `${name}.sock`);
    const { disk } = content;
    try {
      const serve = (): Export => content.serve();
      this.#table.add({ name, diskId: disk && diskId, socketPath, pskIdentity, psk, serve });
      await this.#nbd.listenUnix(socketPath);
    } catch (error) {
      this.#table.remove(name);
      await content.close().catch(() => content.abandon());
      throw error;
    }
    const opened = { ...content, exportId, diskId, name, socketPath };
    this.#byExport.set(exportId, opened);
    if (disk !== undefined) this.#byDisk.set(diskId, { ...opened, disk });
    return this.#infoOf(opened);
  }

  /** @param force drops what cannot be written. Otherwise the export stays when its disk cannot be closed. */
  async close(exportId: string, force: boolean): Promise<Pin | undefined> {
    const opened = this.#byExport.get(exportId);
    if (opened === undefined) return undefined;
    const { diskId, name } = opened;
    this.#table.suspend(name);
    await this.#nbd.disconnect(name, DRAIN_MS);
    let pin: Pin | undefined;
    try {
      pin = await opened.close();
    } catch (error) {
      const fields = { diskId, exportId, reason: messageOf(error) };
      if (!force) {
        this.#table.resume(name);
        this.#log.error(fields, 'the disk could not be closed; its export stays');
        throw error;
      }
      this.#log.error(fields, 'the disk was dropped without its last writes');
      await opened.abandon();
    }
    this.#byExport.delete(exportId);
    if (opened.disk !== undefined) this.#byDisk.delete(diskId);
    // The disk is closed and its pin must get out, whatever becomes of the socket.
    try {
      await this.#nbd.closeUnix(opened.socketPath);
    } catch (error) {
      this.#log.warn({ exportId, reason: messageOf(error) }, 'the socket of an export could not be closed');
    }
    this.#table.remove(name);
    this.#log.info({ diskId, exportId }, opened.disk === undefined ? 'snapshot closed' : 'disk closed');
    return pin;
  }

  /** @throws {SystemError} kind `conflict`, code `DISK_OPEN`. */
  refuseOpen(diskId: string): void {
    const opened = this.#byDisk.get(diskId);
    if (opened !== undefined)
      throw new SystemError(
        'conflict',
        'DISK_OPEN',
        `disk ${diskId} is open as export ${opened.exportId}; unexport it first`,
      );
  }

  /** A snapshot that is read must stay. @throws {SystemError} kind `conflict`, code `SNAPSHOT_OPEN`. */
  refuseHeld(diskId: string, isDoomed: (snapshotId: string) => boolean): void {
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

  /** Of disks whose log got further since they were asked last. */
  #tellLogs(): void {
    for (const opened of this.#byExport.values()) {
      const pin = opened.disk?.pin;
      if (pin?.log === undefined || isSamePosition(pin.log, opened.toldLog)) continue;
      opened.toldLog = pin.log;
      this.#onPin(opened.diskId, pin);
    }
  }

  #infoOf({ exportId, diskId, name, socketPath, disk }: Opened): ExportInfo {
    const connections = this.#nbd.connections(name);
    const info: ExportInfo = { exportId, diskId, name, socketPath, connections, status: 'Serving' };
    return disk?.loss === undefined ? info : { ...info, lost: lossInWords(disk.loss) };
  }
}

function isSamePosition(a: NonNullable<Pin['log']>, b: Pin['log']): boolean {
  return a.segment === b?.segment && a.slot === b.slot;
}
