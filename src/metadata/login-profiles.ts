import type { EntityOf } from './columns.ts';
import { bytes, flag, integer, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

/** A row says that a user may log in with a password. */
export const loginProfiles = new SealedTable(
  'loginProfiles',
  {
    userId: text(),
    accountId: text(),
    /** What src/ram/passwords.ts keeps of the password, under `Sealer` context `login-profile:<user id>`. */
    passwordSealed: bytes,
    passwordResetRequired: flag,
    mfaBindRequired: flag,
    createdMs: integer,
  },
  ['userId'],
);

export type LoginProfile = EntityOf<typeof loginProfiles.columns>;

export const findLoginProfile = (reader: Reader, userId: string): Promise<LoginProfile | undefined> =>
  loginProfiles.find(reader, { userId });

/** @throws {SystemError} kind `conflict`, code `ROW_EXISTS`. */
export const insertLoginProfile = (transaction: Transaction, profile: LoginProfile): Promise<void> =>
  loginProfiles.insert(transaction, profile);

export const updateLoginProfile = (
  transaction: Transaction,
  userId: string,
  changes: Partial<Omit<LoginProfile, 'userId'>>,
): Promise<LoginProfile> => loginProfiles.update(transaction, { userId }, changes);

export const deleteLoginProfile = (transaction: Transaction, userId: string): Promise<number> =>
  loginProfiles.delete(transaction, { userId });
