import type { EntityOf } from './columns.ts';
import { integer, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

export const accounts = new SealedTable(
  'accounts',
  {
    /** 16 digits, below 9e15. */
    accountId: text(),
    /** Where calls without `RegionId` go. */
    regionId: text(),
    createdMs: integer,
  },
  ['accountId'],
);

export type Account = EntityOf<typeof accounts.columns>;

export const findAccount = (reader: Reader, accountId: string): Promise<Account | undefined> =>
  accounts.find(reader, { accountId });

/** Oldest first. */
export const listAccounts = (reader: Reader): Promise<Account[]> =>
  accounts.findAll(reader, {}, ['createdMs', 'accountId']);

export const insertAccount = (transaction: Transaction, account: Account): Promise<void> =>
  accounts.insert(transaction, account);
