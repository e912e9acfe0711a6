import type { EntityOf } from './columns.ts';
import { integer, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

/** A row says that the account opened KMS in the region. */
export const kmsServices = new SealedTable('kmsServices', { accountId: text(), regionId: text(), openedMs: integer }, [
  'accountId',
  'regionId',
]);

export type KmsService = EntityOf<typeof kmsServices.columns>;

export const findKmsService = (reader: Reader, accountId: string, regionId: string): Promise<KmsService | undefined> =>
  kmsServices.find(reader, { accountId, regionId });

/** @throws {SystemError} kind `conflict`, code `ROW_EXISTS`: it is open already. */
export const insertKmsService = (transaction: Transaction, service: KmsService): Promise<void> =>
  kmsServices.insert(transaction, service);

export const listKmsServices = (reader: Reader): Promise<KmsService[]> => kmsServices.findAll(reader, {});
