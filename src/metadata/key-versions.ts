import type { EntityOf } from './columns.ts';
import { bytes, integer, nullable, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

export const keyVersions = new SealedTable(
  'keyVersions',
  {
    /** A UUID. */
    keyVersionId: text(),
    keyId: text(),
    /** The material under `Sealer`; null until imported or once destroyed. */
    materialSealed: nullable(bytes),
    createdMs: integer,
  },
  ['keyVersionId'],
);

export type KeyVersion = EntityOf<typeof keyVersions.columns>;

export const findKeyVersion = (reader: Reader, keyVersionId: string): Promise<KeyVersion | undefined> =>
  keyVersions.find(reader, { keyVersionId });

/** Oldest first. */
export const listKeyVersions = (reader: Reader, keyId: string): Promise<KeyVersion[]> =>
  keyVersions.findAll(reader, { keyId }, ['createdMs', 'keyVersionId']);

/** Every version of every key. */
export const listAllKeyVersions = (reader: Reader): Promise<KeyVersion[]> => keyVersions.findAll(reader, {});

export const insertKeyVersion = (transaction: Transaction, version: KeyVersion): Promise<void> =>
  keyVersions.insert(transaction, version);

export const updateKeyVersion = (
  transaction: Transaction,
  keyVersionId: string,
  changes: Pick<KeyVersion, 'materialSealed'>,
): Promise<KeyVersion> => keyVersions.update(transaction, { keyVersionId }, changes);

/** Removes all versions of a key. Call `Database.scrub` afterwards. */
export const deleteKeyVersions = (transaction: Transaction, keyId: string): Promise<number> =>
  keyVersions.delete(transaction, { keyId });
