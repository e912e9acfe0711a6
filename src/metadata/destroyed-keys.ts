import type { EntityOf } from './columns.ts';
import { integer, json, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

/** What stays of a key: enough to tell it, and every file of its material, when an old copy is put back. */
export const destroyedKeys = new SealedTable(
  'destroyedKeys',
  {
    keyId: text(),
    accountId: text(),
    regionId: text(),
    keyVersionIds: json<readonly string[]>(),
    destroyedMs: integer,
  },
  ['keyId'],
);

export type DestroyedKey = EntityOf<typeof destroyedKeys.columns>;

export const findDestroyedKey = (reader: Reader, keyId: string): Promise<DestroyedKey | undefined> =>
  destroyedKeys.find(reader, { keyId });

export const listDestroyedKeys = (reader: Reader): Promise<DestroyedKey[]> => destroyedKeys.findAll(reader, {});

export const insertDestroyedKey = (transaction: Transaction, key: DestroyedKey): Promise<void> =>
  destroyedKeys.insert(transaction, key);

/** For a key that its owner wants back. */
export const deleteDestroyedKey = (transaction: Transaction, keyId: string): Promise<number> =>
  destroyedKeys.delete(transaction, { keyId });
