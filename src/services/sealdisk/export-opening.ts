import { assert } from '../../base/assert.ts';
import { isKind, messageOf } from '../../base/errors.ts';
import type { ExportInfo } from '../../dataplane/data-plane.ts';
import { findDisk, updateDisk, type Disk } from '../../metadata/disks.ts';
import { insertExport, updateExport, type DiskExport } from '../../metadata/exports.ts';
import { refuseUnlessAvailable } from '../ecs/disk-removal.ts';
import { findRegion } from '../ecs/regions.ts';
import { unknownDisk } from '../ecs/refusals.ts';
import { refuseChangedKey } from '../ecs/key-changes.ts';
import { dataKeyOfDisk, openWrapped } from '../ecs/stored-data-key.ts';
import type { ExportParts } from './dependencies.ts';
import { mintIdentity, openPsk } from './export-identity.ts';
import { forgetExportRow, type ExportRow } from './export-rows.ts';
import { moveDisk } from '../ecs/status-changes.ts';

/** The boot of an export that was not opened yet: nobody was told of it, so recovery takes it back. */
export const NEVER_OPENED = '';

/** An export that serves, with the secret that is told once. */
export interface OpenedExport<Row extends ExportRow = DiskExport> {
  readonly row: Row;
  readonly info: ExportInfo;
  /** 32 bytes, wiped by the receiver. */
  readonly psk: Uint8Array;
}

/**
 * Opens a disk for NBD clients, so that a crash leaves an export that serves, or none:
 *
 * 1. the disk's data key, which asks KMS and the account's role;
 * 2. the disk In_use, and the export's row with no boot;
 * 3. the disk server opens the disk;
 * 4. the row with the boot, status Serving; from now on the disk counts as having been attached.
 *
 * @param onLeft told of an export that failed and could not be taken back yet. A disk server that did not answer is not
 * waited for a second time (decisions.md H: 503 within 10 s).
 * @throws {ApiError} InvalidDiskId.NotFound, IncorrectDiskStatus. {SystemError} of KMS and of the disk server.
 */
export async function openExport(
  parts: ExportParts,
  request: {
    readonly diskId: string;
    readonly accountId: string;
    readonly readOnly: boolean;
    readonly adopt?: boolean;
    readonly salvage?: boolean;
  },
  onLeft: (exportId: string) => void,
): Promise<OpenedExport> {
  const { database, dataKeys, sealer, clock } = parts;
  const disk = await database.transact((transaction) => ownAvailableDisk(transaction, request));
  const stored = await dataKeys.settled(dataKeyOfDisk(disk));
  using dataKey = await openWrapped(dataKeys, stored);
  const row = newRow(parts, disk, request.readOnly);
  const psk = openPsk(sealer, row);
  await database.transact(async (transaction) => {
    await ownAvailableDisk(transaction, request);
    await refuseChangedKey(transaction, stored);
    await moveDisk(transaction, disk.diskId, 'In_use');
    await insertExport(transaction, row);
  });
  try {
    const info = await parts.dataPlane.openExport({
      exportId: row.exportId,
      diskId: row.diskId,
      name: row.name,
      readOnly: row.readOnly,
      pskIdentity: row.pskIdentity,
      psk,
      dataKey,
      pin: disk.pin ?? undefined,
      adopt: request.adopt ?? false,
      salvage: request.salvage ?? false,
    });
    const opened = await database.transact(async (transaction) => {
      await updateDisk(transaction, disk.diskId, { attachedMs: clock.nowMs(), everAttached: true });
      return updateExport(transaction, row.exportId, { status: 'Serving', bootId: parts.bootId() });
    });
    return { row: opened, info, psk };
  } catch (error) {
    psk.fill(0);
    if (isKind(error, 'unavailable') || !(await takeBackExport(parts, row))) onLeft(row.exportId);
    throw error;
  }
}

/** Takes back an export of which nobody was told. Answers false when that has to be tried again. Never throws. */
export async function takeBackExport(parts: ExportParts, row: ExportRow): Promise<boolean> {
  const { database, dataPlane, log } = parts;
  const { exportId, diskId } = row;
  try {
    const pin = await dataPlane.closeExport(exportId, { force: true });
    await database.transact((transaction) => forgetExportRow(transaction, row, pin));
    return true;
  } catch (error) {
    log.warn(
      { exportId, diskId, reason: messageOf(error) },
      'an unfinished export could not be taken back yet; it will be tried again',
    );
    return false;
  }
}

async function ownAvailableDisk(
  transaction: Parameters<typeof refuseUnlessAvailable>[0],
  { diskId, accountId }: { readonly diskId: string; readonly accountId: string },
): Promise<Disk> {
  const disk = await findDisk(transaction, diskId);
  if (disk?.accountId !== accountId || disk.status === 'Deleting') throw unknownDisk(diskId);
  await refuseUnlessAvailable(transaction, disk);
  return disk;
}

function newRow({ random, sealer, clock }: ExportParts, disk: Disk, readOnly: boolean): DiskExport {
  const region = findRegion(disk.regionId);
  assert(region !== undefined, 'a stored disk lies in a region of the catalogue');
  return {
    ...mintIdentity(random, sealer, region),
    diskId: disk.diskId,
    accountId: disk.accountId,
    regionId: disk.regionId,
    readOnly,
    bootId: NEVER_OPENED,
    status: 'Reopening',
    createdMs: clock.nowMs(),
  };
}
