import { countInAccount, pageInAccount } from './account-lists.ts';
import type { NamePage } from './account-lists.ts';
import type { EntityOf } from './columns.ts';
import { integer, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

/** RAM users: identities inside an account. */
export const users = new SealedTable(
  'users',
  {
    accountId: text(),
    /** Names differ in more than case, as those of roles. */
    userNameLower: text(),
    /** As it was given. */
    userName: text(),
    userId: text(),
    displayName: text(),
    mobilePhone: text(),
    email: text(),
    comments: text(),
    createdMs: integer,
    updatedMs: integer,
  },
  ['accountId', 'userNameLower'],
);

export type User = EntityOf<typeof users.columns>;

/** @param userName in any case. */
export const findUser = (reader: Reader, accountId: string, userName: string): Promise<User | undefined> =>
  users.find(reader, { accountId, userNameLower: userName.toLowerCase() });

/** By name, starting after `after` (a lower-case name). */
export const listUsers = (reader: Reader, accountId: string, page: NamePage): Promise<User[]> =>
  pageInAccount(reader, users, accountId, 'userNameLower', page);

export const countUsers = (reader: Reader, accountId: string): Promise<number> =>
  countInAccount(reader, users, accountId);

export const insertUser = (transaction: Transaction, user: User): Promise<void> => users.insert(transaction, user);

export const updateUser = (
  transaction: Transaction,
  { accountId, userNameLower }: Pick<User, 'accountId' | 'userNameLower'>,
  changes: Partial<Omit<User, 'accountId' | 'userNameLower'>>,
): Promise<User> => users.update(transaction, { accountId, userNameLower }, changes);

export const deleteUser = (
  transaction: Transaction,
  { accountId, userNameLower }: Pick<User, 'accountId' | 'userNameLower'>,
): Promise<number> => users.delete(transaction, { accountId, userNameLower });
