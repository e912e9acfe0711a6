import { bytes, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

/** Random keys that seal what clients carry for us. */
export const tokenKeys = new SealedTable(
  'tokenKeys',
  {
    /** `security-token`. */
    purpose: text(),
    /** 32 bytes under `Sealer` context `token-key`. */
    keySealed: bytes,
  },
  ['purpose'],
);

export async function findTokenKey(reader: Reader, purpose: string): Promise<Uint8Array | undefined> {
  return (await tokenKeys.find(reader, { purpose }))?.keySealed;
}

export const insertTokenKey = (transaction: Transaction, purpose: string, keySealed: Uint8Array): Promise<void> =>
  tokenKeys.insert(transaction, { purpose, keySealed });
