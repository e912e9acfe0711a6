import type { EntityOf } from './columns.ts';
import { bytes, integer, nullable, text } from './columns.ts';
import type { ExportState } from './exports.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

export const snapshotExports = new SealedTable(
  'snapshotExports',
  {
    exportId: text(),
    snapshotId: text(),
    /** An older snapshot of the same disk, which it is compared with. */
    baseSnapshotId: nullable(text()),
    /** That the snapshots were taken of; it may be gone. */
    diskId: text(),
    accountId: text(),
    regionId: text(),
    name: text(),
    pskIdentity: text(),
    /** The 32-byte secret under `Sealer` context `psk:<exportId>`. */
    pskSealed: bytes,
    /** The boot of the machine on which the export was opened. */
    bootId: text(),
    status: text<ExportState>(),
    createdMs: integer,
  },
  ['exportId'],
);

export type SnapshotExport = EntityOf<typeof snapshotExports.columns>;

export const findSnapshotExport = (reader: Reader, exportId: string): Promise<SnapshotExport | undefined> =>
  snapshotExports.find(reader, { exportId });

/** Of one account and region, oldest first. */
export const listSnapshotExports = (
  reader: Reader,
  scope: { readonly accountId?: string; readonly regionId?: string },
): Promise<SnapshotExport[]> => snapshotExports.findAll(reader, scope, ['createdMs', 'exportId']);

/** Exports that need the snapshot: of itself, or of one that is compared with it. */
export const exportsOfSnapshot = async (reader: Reader, snapshotId: string): Promise<SnapshotExport[]> => [
  ...(await snapshotExports.findAll(reader, { snapshotId })),
  ...(await snapshotExports.findAll(reader, { baseSnapshotId: snapshotId })),
];

/** Of all snapshots of a disk. */
export const findSnapshotExportsOfDisk = (reader: Reader, diskId: string): Promise<SnapshotExport[]> =>
  snapshotExports.findAll(reader, { diskId });

export const insertSnapshotExport = (transaction: Transaction, row: SnapshotExport): Promise<void> =>
  snapshotExports.insert(transaction, row);

export const updateSnapshotExport = (
  transaction: Transaction,
  exportId: string,
  changes: Partial<Pick<SnapshotExport, 'status' | 'bootId'>>,
): Promise<SnapshotExport> => snapshotExports.update(transaction, { exportId }, changes);

export const deleteSnapshotExport = (transaction: Transaction, exportId: string): Promise<number> =>
  snapshotExports.delete(transaction, { exportId });
