import type { EntityOf } from './columns.ts';
import { text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

/** The name by which people know an account. No two accounts have the same. */
export const accountAliases = new SealedTable('accountAliases', { accountId: text(), alias: text() }, ['accountId']);

export type AccountAlias = EntityOf<typeof accountAliases.columns>;

export const findAccountAlias = (reader: Reader, accountId: string): Promise<AccountAlias | undefined> =>
  accountAliases.find(reader, { accountId });

/** Whose alias it is. */
export async function findAccountByAlias(reader: Reader, alias: string): Promise<string | undefined> {
  return (await accountAliases.findAll(reader, { alias }))[0]?.accountId;
}

export async function putAccountAlias(transaction: Transaction, alias: AccountAlias): Promise<void> {
  await deleteAccountAlias(transaction, alias.accountId);
  await accountAliases.insert(transaction, alias);
}

export const deleteAccountAlias = (transaction: Transaction, accountId: string): Promise<number> =>
  accountAliases.delete(transaction, { accountId });
