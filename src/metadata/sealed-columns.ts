import type { StoredRow } from './sealed-rows.ts';

/** A column with a secret under the rows' `Sealer`. */
export interface SealedColumn {
  /** camelCase, like `SealedTable.name`. */
  readonly table: string;
  readonly column: string;
  /** The context that the secret of this row is sealed for. */
  readonly context: (row: StoredRow) => string;
}

/**
 * Every column that has to be sealed anew when the key of the rows changes. One that is missing here keeps the earlier
 * key from being forgotten (`Resealing`), and fails `test/metadata/reseal-rows.test.ts`.
 * Not here: data keys of disks, which are sealed under KMS keys or under the store key of `disks`.
 */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  { table: 'accessKeys', column: 'secretSealed', context: (row) => `access-key:${String(row['accessKeyId'])}` },
  { table: 'exports', column: 'pskSealed', context: (row) => `psk:${String(row['exportId'])}` },
  { table: 'snapshotExports', column: 'pskSealed', context: (row) => `psk:${String(row['exportId'])}` },
  { table: 'loginProfiles', column: 'passwordSealed', context: (row) => `login-profile:${String(row['userId'])}` },
  { table: 'tokenKeys', column: 'keySealed', context: () => 'token-key' },
  { table: 'transfers', column: 'pskSealed', context: (row) => `psk:${String(row['transferId'])}` },
];
