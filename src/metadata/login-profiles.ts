import type { EntityOf } from './columns.ts';
import { bytes, flag, integer, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

/** A row says that a user may log in with a password. */
export const loginProfiles = new SealedTable(
  'loginProfiles',
  {
    accountId: text(),
    userNameLower: text(),
    /** What src/ram/passwords.ts keeps of the password, under `Sealer` context `login-profile:<account>:<user id>`. */
    passwordSealed: bytes,
    passwordResetRequired: flag,
    mfaBindRequired: flag,
    createdMs: integer,
  },
  ['accountId', 'userNameLower'],
);

export type LoginProfile = EntityOf<typeof loginProfiles.columns>;

export const findLoginProfile = (
  reader: Reader,
  accountId: string,
  userNameLower: string,
): Promise<LoginProfile | undefined> => loginProfiles.find(reader, { accountId, userNameLower });

/** @throws {SystemError} kind `conflict`, code `ROW_EXISTS`. */
export const insertLoginProfile = (transaction: Transaction, profile: LoginProfile): Promise<void> =>
  loginProfiles.insert(transaction, profile);

export const updateLoginProfile = (
  transaction: Transaction,
  { accountId, userNameLower }: Pick<LoginProfile, 'accountId' | 'userNameLower'>,
  changes: Partial<Omit<LoginProfile, 'accountId' | 'userNameLower'>>,
): Promise<LoginProfile> => loginProfiles.update(transaction, { accountId, userNameLower }, changes);

export const deleteLoginProfile = (
  transaction: Transaction,
  { accountId, userNameLower }: Pick<LoginProfile, 'accountId' | 'userNameLower'>,
): Promise<number> => loginProfiles.delete(transaction, { accountId, userNameLower });
