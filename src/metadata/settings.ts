import { SystemError, isKind } from '../base/errors.ts';
import { text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

export const settings = new SealedTable('settings', { name: text(), value: text() }, ['name']);

export async function findSetting(reader: Reader, name: string): Promise<string | undefined> {
  return (await settings.find(reader, { name }))?.value;
}

export async function putSetting(transaction: Transaction, name: string, value: string): Promise<void> {
  await settings.delete(transaction, { name });
  await settings.insert(transaction, { name, value });
}

const WITNESS = 'row-key-witness';

/**
 * Leaves a sealed row in a new database, and checks it in an existing one, so that a wrong root key is named at once
 * and not as thousands of altered rows.
 * @throws {SystemError} kind `conflict`, code `ROOT_KEY_MISMATCH`.
 */
export async function checkRowKey(transaction: Transaction): Promise<void> {
  try {
    if ((await findSetting(transaction, WITNESS)) === undefined) await putSetting(transaction, WITNESS, 'sealdisk');
  } catch (error) {
    if (!isKind(error, 'corrupt') || error.code !== 'ROW_ALTERED') throw error;
    throw new SystemError(
      'conflict',
      'ROOT_KEY_MISMATCH',
      'This metadata database was made with another root key; put back the root key (or passphrase) that belongs to it.',
      { cause: error },
    );
  }
}
