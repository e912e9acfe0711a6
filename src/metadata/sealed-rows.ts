import { createHmac, timingSafeEqual } from 'node:crypto';

import { assert } from '../base/assert.ts';
import { SystemError } from '../base/errors.ts';
import type { Cell } from './columns.ts';

/** 32 bytes, derived from a store key for this purpose alone. */
export type RowKey = Uint8Array;

export const ROW_KEY_SIZE_BYTES = 32;

/** The row keys that are in use: one, or two while the rows are sealed anew. Implementation: src/root/keyring.ts. */
export interface RowKeys {
  /** What MACs are made under from now on. Later keys have higher numbers. */
  readonly current: number;
  /** Undefined: it was forgotten, or is of another installation. */
  find(number: number): RowKey | undefined;
  /** False for sealed bytes whose store key was forgotten: they must not be stored any more. */
  opens(sealed: Uint8Array): boolean;
}

/** One row key for ever, number 1. */
export function singleRowKey(key: RowKey): RowKeys {
  return { current: 1, find: (number) => (number === 1 ? key : undefined), opens: () => true };
}

/** A row as it comes from the database: its cells by column name, and the MAC over them. */
export type StoredRow = Readonly<Record<string, Cell>>;

/** The number of the row key, big endian, so that MACs under earlier keys sort first. */
const NUMBER_SIZE_BYTES = 4;

/**
 * Makes edited rows visible. Rows that decide about encryption, keys, policies, credentials and pins carry
 * `mac` = number of the row key ‖ HMAC-SHA256(row key, table ‖ every other cell that is not NULL, by column name), and
 * no such row is believed before its MAC was checked. NULL cells are left out so that a migration may add nullable columns without
 * touching old rows; naming each cell keeps the encoding unambiguous.
 *
 * Not covered: deleting a row, or putting back an older version of it (SECURITY.md, "what a writer of the database can do").
 * Source: decisions.md section H "Metadata edited behind our back".
 */
export class RowSeal {
  readonly #keys: RowKeys;

  constructor(keys: RowKeys) {
    this.#keys = keys;
  }

  /** What the MACs begin with that are made from now on. */
  get prefix(): Uint8Array {
    return numbered(this.#keys.current);
  }

  /**
   * The MAC of a row. An existing `mac` cell does not count.
   * @throws {SystemError} kind `unavailable`, code `SEALED_TOO_LONG_AGO`: a cell was sealed under a store key that has
   *   been forgotten meanwhile, so that nobody could open it.
   */
  mac(table: string, row: StoredRow): Uint8Array {
    for (const [column, cell] of Object.entries(row))
      if (cell instanceof Uint8Array && !this.#keys.opens(cell)) throw sealedTooLongAgo(table, column);
    const mac = this.#macUnder(this.#keys.current, table, row);
    assert(mac !== undefined, 'the newest row key is not forgotten');
    return mac;
  }

  #macUnder(number: number, table: string, row: StoredRow): Uint8Array | undefined {
    const key = this.#keys.find(number);
    if (key === undefined) return undefined;
    assert(key.length === ROW_KEY_SIZE_BYTES, 'the row key has 32 bytes');
    const hmac = createHmac('sha256', key).update(field('t', table));
    for (const column of Object.keys(row).sort()) {
      const cell = row[column];
      if (column !== 'mac' && cell !== null && cell !== undefined) hmac.update(field('c', column)).update(encode(cell));
    }
    return Buffer.concat([numbered(number), hmac.digest()]);
  }

  /**
   * @param id how to name the row to a person, such as its primary key.
   * @throws {SystemError} kind `corrupt`, code `ROW_ALTERED`: the row is not what Sealdisk wrote.
   */
  verify(table: string, id: string, row: StoredRow): void {
    const stored = row['mac'];
    if (stored instanceof Uint8Array && stored.length === NUMBER_SIZE_BYTES + 32) {
      const number = new DataView(stored.buffer, stored.byteOffset).getUint32(0);
      const expected = this.#macUnder(number, table, row);
      if (expected !== undefined && timingSafeEqual(stored, expected)) return;
    }
    throw new SystemError(
      'corrupt',
      'ROW_ALTERED',
      `Row ${id} of table ${table} was changed by something other than Sealdisk and is refused; restore the metadata database from a copy that you trust.`,
    );
  }
}

function numbered(number: number): Uint8Array {
  const bytes = Buffer.alloc(NUMBER_SIZE_BYTES);
  bytes.writeUInt32BE(number);
  return bytes;
}

function sealedTooLongAgo(table: string, column: string): SystemError {
  return new SystemError(
    'unavailable',
    'SEALED_TOO_LONG_AGO',
    `The keys of the store were changed while ${column} of table ${table} was on its way; try again.`,
  );
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
