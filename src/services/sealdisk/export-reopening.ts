import { assert } from '../../base/assert.ts';
import { isKind, SystemError } from '../../base/errors.ts';
import { wipeableCopy } from '../../base/wipeable-bytes.ts';
import type { DataKey } from '../../dataplane/data-plane.ts';
import { DISK_NOT_CLEAN } from '../../dataplane/data-plane.ts';
import { diskKeyRefusalOf } from '../../kms/disk-key-rules.ts';
import { findDisk, type Disk } from '../../metadata/disks.ts';
import { deleteExport, insertExport, type DiskExport, type ExportState } from '../../metadata/exports.ts';
import type { SnapshotExport } from '../../metadata/snapshot-exports.ts';
import { findSnapshot } from '../../metadata/snapshots.ts';
import { findRegion } from '../ecs/regions.ts';
import { dataKeyOfDisk, dataKeyOfSnapshot, openDataKey } from '../ecs/stored-data-key.ts';
import type { ExportParts } from './dependencies.ts';
import { mintIdentity, openPsk } from './export-identity.ts';
import { isOfSnapshot, type ExportRow } from './export-rows.ts';
import { serveSnapshot } from './snapshot-export-opening.ts';

/**
 * Has the disk server serve an export again as it was: same id, name, socket and secret. The key is asked for anew.
 * After a reboot of the machine that is right only for a disk that was closed in order. Any other may lack writes that
 * its clients saw acknowledged, so it gets a new identity: no client may take a later FLUSH for proof of them.
 * Source: decisions.md H, "Exports across restarts".
 *
 * @param onRenamed told of the row that stands for the export from now on, if its identity had to change.
 * @throws {SystemError} of KMS and of the disk server.
 */
export async function reopenExport(
  parts: ExportParts,
  row: ExportRow,
  onRenamed: (renamed: DiskExport) => void,
): Promise<void> {
  if (isOfSnapshot(row)) return reopenSnapshot(parts, row);
  const disk = await findDisk(parts.database.read, row.diskId);
  if (disk === undefined) throw new SystemError('not-found', 'DISK_ROW_MISSING', `Disk ${row.diskId} has no row.`);
  using dataKey = await openDataKey(parts.dataKeys, dataKeyOfDisk(disk));
  try {
    await serve(parts, row, disk, dataKey, { expectClean: row.bootId !== parts.bootId() });
    return;
  } catch (error) {
    if (!(error instanceof SystemError && error.code === DISK_NOT_CLEAN)) throw error;
  }
  const renamed = await rename(parts, row);
  onRenamed(renamed);
  parts.log.warn(
    { diskId: row.diskId, oldExportId: row.exportId, exportId: renamed.exportId },
    'the machine was restarted while this disk was open, so writes that were not flushed may be gone: its export has a new identity; unexport the disk and export it again to get the new secret',
  );
  await serve(parts, renamed, disk, dataKey, { expectClean: false });
}

/** A snapshot is what it was, whatever happened to its disk or to the machine. */
async function reopenSnapshot(parts: ExportParts, row: SnapshotExport): Promise<void> {
  const snapshot = await findSnapshot(parts.database.read, row.snapshotId);
  if (snapshot === undefined)
    throw new SystemError('not-found', 'SNAPSHOT_ROW_MISSING', `Snapshot ${row.snapshotId} has no row.`);
  using dataKey = await openDataKey(parts.dataKeys, dataKeyOfSnapshot(snapshot));
  await serveSnapshot(parts, row, snapshot, dataKey);
}

/** What an export is when opening it failed. */
export function stateAfter(error: unknown): Exclude<ExportState, 'Serving'> {
  if (diskKeyRefusalOf(error) !== undefined) return 'KeyUnavailable';
  // These heal by themselves; everything else speaks of the disk.
  return isKind(error, 'unavailable') || isKind(error, 'no-space') ? 'Reopening' : 'Quarantined';
}

async function serve(
  { dataPlane, sealer }: ExportParts,
  row: DiskExport,
  disk: Disk,
  dataKey: DataKey,
  { expectClean }: { readonly expectClean: boolean },
): Promise<void> {
  const { exportId, diskId, name, readOnly, pskIdentity } = row;
  const psk = openPsk(sealer, row);
  try {
    await dataPlane.openExport({
      exportId,
      diskId,
      name,
      readOnly,
      pskIdentity,
      psk,
      // The receiver wipes what it gets, and the key may be needed a second time. Not slice(): a Buffer's shares memory.
      dataKey: { suite: dataKey.suite, key: wipeableCopy(dataKey.key) },
      pin: disk.pin ?? undefined,
      ...(expectClean ? { expectClean } : {}),
    });
  } finally {
    psk.fill(0);
  }
}

async function rename({ database, random, sealer, bootId }: ExportParts, row: DiskExport): Promise<DiskExport> {
  const region = findRegion(row.regionId);
  assert(region !== undefined, 'a stored export lies in a region of the catalogue');
  const renamed: DiskExport = {
    ...row,
    ...mintIdentity(random, sealer, region),
    bootId: bootId(),
    status: 'Reopening',
  };
  await database.transact(async (transaction) => {
    await deleteExport(transaction, row.exportId);
    await insertExport(transaction, renamed);
  });
  return renamed;
}
