import type { EntityOf } from './columns.ts';
import { bytes, flag, integer, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

export type ExportState = 'Serving' | 'Reopening' | 'KeyUnavailable' | 'Quarantined';

export const diskExports = new SealedTable(
  'exports',
  {
    exportId: text(),
    /** One export a disk. */
    diskId: text(),
    accountId: text(),
    regionId: text(),
    name: text(),
    readOnly: flag,
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

export type DiskExport = EntityOf<typeof diskExports.columns>;

export const findExport = (reader: Reader, exportId: string): Promise<DiskExport | undefined> =>
  diskExports.find(reader, { exportId });

export const findExportOfDisk = async (reader: Reader, diskId: string): Promise<DiskExport | undefined> =>
  (await diskExports.findAll(reader, { diskId }))[0];

/** Oldest first: of one account and region, or all of them. */
export const listExports = (
  reader: Reader,
  scope: { readonly accountId?: string; readonly regionId?: string },
): Promise<DiskExport[]> => diskExports.findAll(reader, scope, ['createdMs', 'exportId']);

/** @throws {SystemError} kind `conflict`, code `ROW_EXISTS`: the disk is exported already. */
export const insertExport = (transaction: Transaction, diskExport: DiskExport): Promise<void> =>
  diskExports.insert(transaction, diskExport);

export const updateExport = (
  transaction: Transaction,
  exportId: string,
  changes: Partial<Omit<DiskExport, 'exportId'>>,
): Promise<DiskExport> => diskExports.update(transaction, { exportId }, changes);

export const deleteExport = (transaction: Transaction, exportId: string): Promise<number> =>
  diskExports.delete(transaction, { exportId });
