import type { EntityOf } from './columns.ts';
import { integer, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

/** A row says that an account may use an image of another account. */
export const imageShares = new SealedTable(
  'imageShares',
  {
    imageId: text(),
    /** The receiver. */
    accountId: text(),
    sharedMs: integer,
  },
  ['imageId', 'accountId'],
);

export type ImageShare = EntityOf<typeof imageShares.columns>;

export const findImageShare = (reader: Reader, imageId: string, accountId: string): Promise<ImageShare | undefined> =>
  imageShares.find(reader, { imageId, accountId });

/** Whom an image is shared with, earliest first. There are 50 at most. */
export const listImageShares = (reader: Reader, imageId: string): Promise<ImageShare[]> =>
  imageShares.findAll(reader, { imageId }, ['sharedMs', 'accountId']);

/** What an account was given, by image. */
export const listSharesOfReceiver = (reader: Reader, accountId: string): Promise<ImageShare[]> =>
  imageShares.findAll(reader, { accountId }, ['imageId']);

/** @throws {SystemError} kind `conflict`, code `ROW_EXISTS`: it is shared with that account. */
export const insertImageShare = (transaction: Transaction, share: ImageShare): Promise<void> =>
  imageShares.insert(transaction, share);

/** Answers how many there were: 0 or 1. */
export const deleteImageShare = (transaction: Transaction, imageId: string, accountId: string): Promise<number> =>
  imageShares.delete(transaction, { imageId, accountId });
