import { ApiError } from '../../api/errors.ts';
import { isKind } from '../../base/errors.ts';
import { KeyedMutex } from '../../base/mutex.ts';
import type { ExportInfo } from '../../dataplane/data-plane.ts';
import type { ExportState } from '../../metadata/exports.ts';
import type { SnapshotExport } from '../../metadata/snapshot-exports.ts';
import { findSnapshot } from '../../metadata/snapshots.ts';
import type { ExportParts } from './dependencies.ts';
import { NEVER_OPENED, openExport, type OpenedExport } from './export-opening.ts';
import { ExportRecovery } from './export-recovery.ts';
import { findExportRow, forgetExportRow, listExportRows, type ExportRow } from './export-rows.ts';
import { openSnapshotExport, type SnapshotExportRequest } from './snapshot-export-opening.ts';

/** An export as its owner may see it at any time: without its secret. */
export interface ListedExport {
  readonly row: ExportRow;
  readonly status: ExportState;
  /** Undefined while the disk server does not serve it. */
  readonly info: ExportInfo | undefined;
}

/**
 * Owns the exports: opens and closes them, and keeps what the database says of them and what the disk server serves the
 * same. One operation for each disk at a time; disks do not wait for each other.
 */
export class ExportKeeper {
  readonly #parts: ExportParts;
  readonly #turns = new KeyedMutex();
  readonly #recovery: ExportRecovery;

  constructor(parts: ExportParts) {
    this.#parts = parts;
    this.#recovery = new ExportRecovery(parts, this.#turns);
  }

  /** See `openExport` in export-opening.ts. */
  open(request: Parameters<typeof openExport>[1]): Promise<OpenedExport> {
    return this.#turns.run(request.diskId, () =>
      openExport(this.#parts, request, (exportId) => this.#recovery.settleLater(exportId)),
    );
  }

  /** See `openSnapshotExport` in snapshot-export-opening.ts. */
  async openSnapshot(request: SnapshotExportRequest): Promise<OpenedExport<SnapshotExport>> {
    const snapshot = await findSnapshot(this.#parts.database.read, request.snapshotId);
    return this.#turns.run(snapshot?.sourceDiskId ?? '', () =>
      openSnapshotExport(this.#parts, request, (exportId) => this.#recovery.settleLater(exportId)),
    );
  }

  /**
   * Closes an export; needs no key. The disk becomes Available, its pin is stored with that.
   * A failed flush keeps the export, unless `force` drops what could not be written.
   * @throws {ApiError} InvalidExportId.NotFound. {SystemError} of the disk server: the export stays,
   * and is opened again if the disk server closed it after all.
   */
  async close(exportId: string, request: { readonly accountId: string; readonly force: boolean }): Promise<ExportRow> {
    const { database, dataPlane, clock } = this.#parts;
    const known = await findExportRow(database.read, exportId);
    if (known?.accountId !== request.accountId) throw unknownExport(exportId);
    const { diskId } = known;
    return this.#turns.run(diskId, async () => {
      const row = await findExportRow(database.read, exportId);
      if (row === undefined) throw unknownExport(exportId);
      const pin = await dataPlane.closeExport(exportId, { force: request.force }).catch((error: unknown) => {
        if (isKind(error, 'unavailable')) this.#recovery.settleLater(exportId);
        throw error;
      });
      await database.transact((transaction) => forgetExportRow(transaction, row, pin, { detachedMs: clock.nowMs() }));
      this.#recovery.forget(exportId);
      return row;
    });
  }

  /** The exports of an account and region, oldest first, each with what the disk server says of it. */
  async list(scope: { readonly accountId: string; readonly regionId: string }): Promise<readonly ListedExport[]> {
    const rows = await listExportRows(this.#parts.database.read, scope);
    const told = rows.filter(({ bootId }) => bootId !== NEVER_OPENED);
    if (told.length === 0) return [];
    const served = new Map((await this.#served()).map((info) => [info.exportId, info]));
    return told.map((row) => {
      const info = served.get(row.exportId);
      return { row, info, status: info?.status ?? (row.status === 'Serving' ? 'Reopening' : row.status) };
    });
  }

  /** Makes what is served and what should be the same; for every time that a disk server was started or found. */
  reopenAll(): Promise<void> {
    return this.#recovery.reopenAll();
  }

  /** Tries again what could not be opened and is due. Never rejects. */
  retryDue(): Promise<void> {
    return this.#recovery.retryDue();
  }

  /** Tries exports whose key could not be used, now: a key or a role has changed. */
  retryKeys(): Promise<void> {
    return this.#recovery.retryKeys();
  }

  /** Calls `retryDue` every second from now on, until disposed. */
  keepTrying(): Disposable {
    return this.#parts.clock.every(1_000, () => void this.retryDue());
  }

  async #served(): Promise<readonly ExportInfo[]> {
    try {
      return await this.#parts.dataPlane.listExports();
    } catch (error) {
      if (isKind(error, 'unavailable')) return [];
      throw error;
    }
  }
}

function unknownExport(exportId: string): ApiError {
  return new ApiError('InvalidExportId.NotFound', 404, `There is no export ${exportId} in this account.`);
}
