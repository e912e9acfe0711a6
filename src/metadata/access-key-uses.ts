import type { EntityOf } from './columns.ts';
import { integer, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

/** When an AccessKey last signed a request that was accepted, to the minute. No row: never. */
export const accessKeyUses = new SealedTable('accessKeyUses', { accessKeyId: text(), usedMs: integer }, [
  'accessKeyId',
]);

export type AccessKeyUse = EntityOf<typeof accessKeyUses.columns>;

export const findAccessKeyUse = (reader: Reader, accessKeyId: string): Promise<AccessKeyUse | undefined> =>
  accessKeyUses.find(reader, { accessKeyId });

export async function putAccessKeyUse(transaction: Transaction, use: AccessKeyUse): Promise<void> {
  await deleteAccessKeyUse(transaction, use.accessKeyId);
  await accessKeyUses.insert(transaction, use);
}

export const deleteAccessKeyUse = (transaction: Transaction, accessKeyId: string): Promise<number> =>
  accessKeyUses.delete(transaction, { accessKeyId });
