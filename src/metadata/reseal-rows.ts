import { sql } from 'kysely';

import { SystemError, isKind } from '../base/errors.ts';
import type { Cell } from './columns.ts';
import type { Database } from './database.ts';
import type { Reader, Transaction } from './reader.ts';
import { SEALED_COLUMNS } from './sealed-columns.ts';
import type { SealedColumn } from './sealed-columns.ts';
import type { StoredRow } from './sealed-rows.ts';
import type { RollingSealer } from './sealer.ts';

/** A few milliseconds of work, for which other transactions wait. */
const BATCH_ROWS = 100;

interface Table {
  /** camelCase. */
  readonly name: string;
  readonly secrets: readonly SealedColumn[];
}

export interface ResealedRows {
  readonly resealed: number;
  /** `table/rowid` of rows that do not verify: they are left as they are. */
  readonly altered: readonly string[];
}

/**
 * Gives every row whose MAC or secret was made under an earlier key a new one, in small transactions beside the others.
 * Rows that are written meanwhile are new already. Can be interrupted anywhere and run again.
 */
export async function resealRows(
  database: Database,
  sealer: RollingSealer,
  told: (resealed: number) => void = () => undefined,
): Promise<ResealedRows> {
  let resealed = 0;
  const altered: string[] = [];
  for (const table of await sealedTables(database.read)) {
    for (let after: number | undefined = -1; after !== undefined;) {
      const batch: Batch = await database.transact((transaction) =>
        resealBatch(transaction, sealer, table, after ?? -1),
      );
      resealed += batch.resealed;
      altered.push(...batch.altered);
      after = batch.last;
      told(resealed);
    }
  }
  return { resealed, altered };
}

/** How many rows wait to be sealed anew. */
export async function countEarlierRows(reader: Reader, sealer: RollingSealer): Promise<number> {
  let count = 0;
  for (const table of await sealedTables(reader)) {
    const { rows } = await earlier(reader, sealer, table)
      .select((eb) => eb.fn.countAll<number>().as('rows'))
      .executeTakeFirstOrThrow();
    count += Number(rows);
  }
  return count;
}

/**
 * Looks through every column of bytes, known here or not, for something sealed under one of `prefixes`.
 * @throws {SystemError} kind `internal`, code `SEALED_COLUMN_UNKNOWN`: forgetting that key would lose it.
 */
export async function refuseUnknownSealed(reader: Reader, prefixes: readonly Uint8Array[]): Promise<void> {
  for (const { name, columns } of await reader.queries.introspection.getTables())
    for (const column of columns.filter(({ dataType }) => dataType.toLowerCase() === 'blob'))
      for (const prefix of prefixes) {
        const found = await reader.queries
          .selectFrom(name)
          .select(column.name)
          .where(column.name, '>=', prefix as never)
          .where(column.name, '<', successorOf(prefix) as never)
          .limit(1)
          .execute();
        if (found.length > 0)
          throw new SystemError(
            'internal',
            'SEALED_COLUMN_UNKNOWN',
            `${name}.${column.name} has secrets under an earlier store key that nothing seals anew; the key is kept.`,
          );
      }
}

interface Batch {
  readonly resealed: number;
  readonly altered: readonly string[];
  /** Where the next batch begins; undefined: there is none. */
  readonly last: number | undefined;
}

async function resealBatch(
  transaction: Transaction,
  sealer: RollingSealer,
  table: Table,
  after: number,
): Promise<Batch> {
  const { seal, queries } = transaction;
  const rows = await earlier(transaction, sealer, table)
    .selectAll()
    .select(sql<number>`rowid`.as('place'))
    .where(sql<number>`rowid`, '>', after)
    .orderBy(sql`rowid`)
    .limit(BATCH_ROWS)
    .execute();
  const altered: string[] = [];
  for (const { place, ...row } of rows as readonly (Record<string, Cell> & { place: number })[]) {
    try {
      seal.verify(table.name, `rowid ${place}`, row);
      const renewed = renewSecrets(sealer, table, row);
      const mac = seal.mac(table.name, renewed);
      await queries
        .updateTable(table.name)
        .set({ ...renewed, mac })
        .where(sql<number>`rowid`, '=', place)
        .execute();
    } catch (error) {
      if (!isKind(error, 'corrupt')) throw error;
      altered.push(`${table.name}/${place}`);
    }
  }
  return {
    resealed: rows.length - altered.length,
    altered,
    last: rows.length < BATCH_ROWS ? undefined : Number(rows.at(-1)?.['place']),
  };
}

function renewSecrets(sealer: RollingSealer, table: Table, row: StoredRow): StoredRow {
  const renewed: Record<string, Cell> = { ...row };
  for (const { column, context } of table.secrets) {
    const sealed = row[column];
    if (!(sealed instanceof Uint8Array)) continue;
    const secret = sealer.open(context(row), sealed);
    try {
      renewed[column] = sealer.seal(context(row), secret);
    } finally {
      secret.fill(0);
    }
  }
  return renewed;
}

/** The rows of a table that an earlier key had to do with: those sort before what the current one makes. */
function earlier({ queries, seal }: Reader, sealer: RollingSealer, { name, secrets }: Table) {
  return queries
    .selectFrom(name)
    .where((eb) =>
      eb.or([eb('mac', '<', seal.prefix), ...secrets.map(({ column }) => eb(column, '<', sealer.prefix))]),
    );
}

/** Every table with a MAC, as the schema has it: none can be overlooked. */
async function sealedTables(reader: Reader): Promise<Table[]> {
  const tables = await reader.queries.introspection.getTables();
  return tables
    .filter(({ columns }) => columns.some((column) => column.name === 'mac'))
    .map((table) => table.name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()))
    .map((name) => ({ name, secrets: SEALED_COLUMNS.filter((column) => column.table === name) }));
}

function successorOf(prefix: Uint8Array): Uint8Array {
  const next = Buffer.from(prefix);
  next.writeUInt32BE(next.readUInt32BE(1) + 1, 1);
  return next;
}
