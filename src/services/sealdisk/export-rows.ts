import type { Pin } from '../../dataplane/data-plane.ts';
import { findDisk, type Disk } from '../../metadata/disks.ts';
import {
  deleteExport,
  diskExports,
  findExport,
  listExports,
  updateExport,
  type DiskExport,
} from '../../metadata/exports.ts';
import type { Reader, Transaction } from '../../metadata/reader.ts';
import {
  deleteSnapshotExport,
  findSnapshotExport,
  listSnapshotExports,
  snapshotExports,
  updateSnapshotExport,
  type SnapshotExport,
} from '../../metadata/snapshot-exports.ts';
import { advancePin } from '../ecs/pins.ts';
import { moveDisk } from '../ecs/status-changes.ts';

/** What the database says of an export, of a disk or of a snapshot: the same to its clients and to whoever brings it back. */
export type ExportRow = DiskExport | SnapshotExport;

/** An export by its keys alone. */
export type KnownExport = Pick<ExportRow, 'exportId' | 'diskId'>;

export function isOfSnapshot(row: ExportRow): row is SnapshotExport {
  return 'snapshotId' in row;
}

export async function findExportRow(reader: Reader, exportId: string): Promise<ExportRow | undefined> {
  return (await findExport(reader, exportId)) ?? (await findSnapshotExport(reader, exportId));
}

/** Oldest first. */
export async function listExportRows(
  reader: Reader,
  scope: { readonly accountId: string; readonly regionId: string },
): Promise<ExportRow[]> {
  const rows: ExportRow[] = [...(await listExports(reader, scope)), ...(await listSnapshotExports(reader, scope))];
  return rows.sort((a, b) => a.createdMs - b.createdMs || (a.exportId < b.exportId ? -1 : 1));
}

/** Ids only, oldest first, unverified: one edited row must not hide the others. */
export async function knownExports(reader: Reader): Promise<KnownExport[]> {
  const rows = await Promise.all(
    [diskExports, snapshotExports].map((table) =>
      table.select(reader).select(['rows.exportId', 'rows.diskId', 'rows.createdMs']).execute(),
    ),
  );
  return rows.flat().sort((a, b) => a.createdMs - b.createdMs);
}

export async function updateExportRow(
  transaction: Transaction,
  row: ExportRow,
  changes: Partial<Pick<ExportRow, 'status' | 'bootId'>>,
): Promise<void> {
  if (isOfSnapshot(row)) await updateSnapshotExport(transaction, row.exportId, changes);
  else await updateExport(transaction, row.exportId, changes);
}

/** Forgets an export that the disk server has closed. Its disk becomes Available, at least at `pin`. */
export async function forgetExportRow(
  transaction: Transaction,
  row: ExportRow,
  pin: Pin | undefined,
  changes: Partial<Pick<Disk, 'detachedMs'>> = {},
): Promise<void> {
  if (isOfSnapshot(row)) {
    await deleteSnapshotExport(transaction, row.exportId);
    return;
  }
  await deleteExport(transaction, row.exportId);
  const disk = await findDisk(transaction, row.diskId);
  if (disk === undefined) return;
  await advancePin(transaction, disk, pin);
  await moveDisk(transaction, row.diskId, 'Available', changes);
}
