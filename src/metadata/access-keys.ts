import type { EntityOf } from './columns.ts';
import { bytes, integer, nullable, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

export type AccessKeyStatus = 'Active' | 'Inactive';

export const accessKeys = new SealedTable(
  'accessKeys',
  {
    accessKeyId: text(),
    accountId: text(),
    /** The RAM user that the key belongs to; null: the account itself. */
    userName: nullable(text()),
    /** The secret under `Sealer` context `access-key:<id>`. */
    secretSealed: bytes,
    status: text<AccessKeyStatus>(),
    createdMs: integer,
  },
  ['accessKeyId'],
);

export type AccessKey = EntityOf<typeof accessKeys.columns>;

export const findAccessKey = (reader: Reader, accessKeyId: string): Promise<AccessKey | undefined> =>
  accessKeys.find(reader, { accessKeyId });

/** Of the account itself and of its users, oldest first. */
export const listAccessKeys = (reader: Reader, accountId: string): Promise<AccessKey[]> =>
  accessKeys.findAll(reader, { accountId }, ['createdMs', 'accessKeyId']);

/** Of one user, or with null of the account itself, oldest first. */
export const listAccessKeysOf = (reader: Reader, accountId: string, userName: string | null): Promise<AccessKey[]> =>
  accessKeys.findAll(reader, { accountId, userName }, ['createdMs', 'accessKeyId']);

export const insertAccessKey = (transaction: Transaction, accessKey: AccessKey): Promise<void> =>
  accessKeys.insert(transaction, accessKey);

export const updateAccessKey = (
  transaction: Transaction,
  accessKeyId: string,
  changes: Partial<Pick<AccessKey, 'status' | 'secretSealed' | 'userName'>>,
): Promise<AccessKey> => accessKeys.update(transaction, { accessKeyId }, changes);

export const deleteAccessKey = (transaction: Transaction, accessKeyId: string): Promise<number> =>
  accessKeys.delete(transaction, { accessKeyId });
