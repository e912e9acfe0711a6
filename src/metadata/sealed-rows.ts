import { createHmac, timingSafeEqual } from 'node:crypto';

import { assert } from '../base/assert.ts';
import { SystemError } from '../base/errors.ts';
import { wipeableCopy } from '../base/wipeable-bytes.ts';
import type { Cell } from './columns.ts';

/** 32 bytes, derived from the root key for this purpose alone. */
export type RowKey = Uint8Array;

export const ROW_KEY_SIZE_BYTES = 32;

/** A row as it comes from the database: its cells by column name, and the MAC over them. */
export type StoredRow = Readonly<Record<string, Cell>>;

/**
 * Makes edited rows visible. Rows that decide about encryption, keys, policies, credentials and pins carry
 * `mac` = HMAC-SHA256(row key, table ‖ every other cell that is not NULL, by column name), and no such row is
 * believed before its MAC was checked. NULL cells are left out so that a migration may add nullable columns without
 * touching old rows; naming each cell keeps the encoding unambiguous.
 *
 * Not covered: deleting a row, or putting back an older version of it (SECURITY.md, "what a writer of the database can do").
 * Source: decisions.md section H "Metadata edited behind our back".
 */
export class RowSeal {
  readonly #key: Uint8Array;

  constructor(key: RowKey) {
    assert(key.length === ROW_KEY_SIZE_BYTES, 'the row key must have 32 bytes');
    this.#key = wipeableCopy(key);
  }

  /** The MAC of a row. An existing `mac` cell does not count. */
  mac(table: string, row: StoredRow): Uint8Array {
    const hmac = createHmac('sha256', this.#key).update(field('t', table));
    for (const column of Object.keys(row).sort()) {
      const cell = row[column];
      if (column !== 'mac' && cell !== null && cell !== undefined) hmac.update(field('c', column)).update(encode(cell));
    }
    return hmac.digest();
  }

  /**
   * @param id how to name the row to a person, such as its primary key.
   * @throws {SystemError} kind `corrupt`, code `ROW_ALTERED`: the row is not what Sealdisk wrote.
   */
  verify(table: string, id: string, row: StoredRow): void {
    const stored = row['mac'];
    const expected = this.mac(table, row);
    if (stored instanceof Uint8Array && stored.length === expected.length && timingSafeEqual(stored, expected)) return;
    throw new SystemError(
      'corrupt',
      'ROW_ALTERED',
      `Row ${id} of table ${table} was changed by something other than Sealdisk and is refused; restore the metadata database from a copy that you trust.`,
    );
  }
}

/** tag ‖ length (u32, little endian) ‖ bytes */
function field(tag: string, value: string | Uint8Array): Uint8Array {
  const body = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  const head = Buffer.alloc(5, tag, 'latin1');
  head.writeUInt32LE(body.length, 1);
  return Buffer.concat([head, body]);
}

function encode(cell: string | number | Uint8Array): Uint8Array {
  if (typeof cell === 'string') return field('s', cell);
  if (typeof cell === 'number') return field('n', String(cell));
  return field('b', cell);
}
