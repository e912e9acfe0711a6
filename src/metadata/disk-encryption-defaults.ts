import type { EntityOf } from './columns.ts';
import { text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

/** A row says that every new disk of the account in the region is encrypted, and under which key unless one is named. */
export const diskEncryptionDefaults = new SealedTable(
  'diskEncryptionDefaults',
  { accountId: text(), regionId: text(), kmsKeyId: text() },
  ['accountId', 'regionId'],
);

export type DiskEncryptionDefault = EntityOf<typeof diskEncryptionDefaults.columns>;

/** Whose default, and where. */
export type DefaultScope = Pick<DiskEncryptionDefault, 'accountId' | 'regionId'>;

export const findDiskEncryptionDefault = (
  reader: Reader,
  { accountId, regionId }: DefaultScope,
): Promise<DiskEncryptionDefault | undefined> => diskEncryptionDefaults.find(reader, { accountId, regionId });

/** @throws {SystemError} kind `conflict`, code `ROW_EXISTS`: it is on already. */
export const insertDiskEncryptionDefault = (transaction: Transaction, row: DiskEncryptionDefault): Promise<void> =>
  diskEncryptionDefaults.insert(transaction, row);

/** @throws {SystemError} kind `not-found`, code `ROW_NOT_FOUND`: it is not on. */
export const updateDiskEncryptionDefault = (
  transaction: Transaction,
  { accountId, regionId }: DefaultScope,
  kmsKeyId: string,
): Promise<DiskEncryptionDefault> => diskEncryptionDefaults.update(transaction, { accountId, regionId }, { kmsKeyId });

/** Answers how many there were: 0 or 1. */
export const deleteDiskEncryptionDefault = (
  transaction: Transaction,
  { accountId, regionId }: DefaultScope,
): Promise<number> => diskEncryptionDefaults.delete(transaction, { accountId, regionId });
