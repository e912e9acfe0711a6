import type { SelectQueryBuilder } from 'kysely';

import { SystemError } from '../base/errors.ts';
import type { Cell, Column, Columns, EntityOf, StoredOf } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import type { StoredRow } from './sealed-rows.ts';

/** A filtered list under construction; its rows must pass through `SealedTable.open`. */
export type Selection<C extends Columns> = SelectQueryBuilder<
  { rows: StoredOf<C> & { mac: Uint8Array } },
  'rows',
  object
>;

/**
 * A table whose rows carry a MAC: everything read through it is verified, everything written is sealed.
 * @typeParam Key the columns of the primary key; they never change.
 */
export class SealedTable<C extends Columns, Key extends keyof C & string> {
  /** camelCase, part of the MAC. */
  readonly name: string;
  readonly columns: C;
  readonly key: readonly Key[];

  constructor(name: string, columns: C, key: readonly Key[]) {
    this.name = name;
    this.columns = columns;
    this.key = key;
  }

  /** @throws {SystemError} kind `conflict`, code `ROW_EXISTS`. */
  async insert(transaction: Transaction, entity: EntityOf<C>): Promise<void> {
    await transaction.queries.insertInto(this.name).values(this.#stored(transaction, entity)).execute();
  }

  /** @throws {SystemError} kind `corrupt`, code `ROW_ALTERED`. */
  async find(reader: Reader, key: Pick<EntityOf<C>, Key>): Promise<EntityOf<C> | undefined> {
    return (await this.findAll(reader, key as Partial<EntityOf<C>>))[0];
  }

  /** Rows whose columns equal `equals`, in the order of `orderBy` (else of the primary key). */
  async findAll(
    reader: Reader,
    equals: Partial<EntityOf<C>>,
    orderBy: readonly (keyof C & string)[] = this.key,
  ): Promise<EntityOf<C>[]> {
    const wanted = this.#encode(equals);
    if (reader.cache === undefined) return await this.#select(reader, wanted, orderBy);
    const question = `${this.name} ${JSON.stringify(wanted)} ${orderBy.join(' ')}`;
    return await reader.cache.rows(question, () => this.#select(reader, wanted, orderBy));
  }

  async #select(
    reader: Reader,
    wanted: Readonly<Record<string, Cell>>,
    orderBy: readonly (keyof C & string)[],
  ): Promise<EntityOf<C>[]> {
    let query = reader.queries.selectFrom(this.name).selectAll();
    for (const [column, cell] of Object.entries(wanted)) {
      query = cell === null ? query.where(column, 'is', null) : query.where(column, '=', cell);
    }
    for (const column of orderBy) query = query.orderBy(column);
    return (await query.execute()).map((row) => this.open(reader, row));
  }

  /**
   * Changes columns of one row, re-sealing it.
   * @throws {SystemError} kind `not-found`, code `ROW_NOT_FOUND`; kind `corrupt`, code `ROW_ALTERED`.
   */
  async update(
    transaction: Transaction,
    key: Pick<EntityOf<C>, Key>,
    changes: Partial<Omit<EntityOf<C>, Key>>,
  ): Promise<EntityOf<C>> {
    const current = await this.find(transaction, key);
    if (current === undefined) {
      const id = Object.values(key).join('/');
      throw new SystemError('not-found', 'ROW_NOT_FOUND', `Table ${this.name} has no row ${id}.`);
    }
    const next = { ...current, ...changes };
    let query = transaction.queries.updateTable(this.name).set(this.#stored(transaction, next));
    for (const [column, cell] of Object.entries(this.#encode(key))) query = query.where(column, '=', cell);
    await query.execute();
    return next;
  }

  /** Removes rows whose columns equal `equals`; answers how many. Rows are removed whether or not they are authentic. */
  async delete(transaction: Transaction, equals: Partial<EntityOf<C>>): Promise<number> {
    let query = transaction.queries.deleteFrom(this.name);
    for (const [column, cell] of Object.entries(this.#encode(equals))) {
      query = cell === null ? query.where(column, 'is', null) : query.where(column, '=', cell);
    }
    const results = await query.execute();
    return results.reduce((sum, result) => sum + Number(result.numDeletedRows), 0);
  }

  /** Starts a filtered list. The table is called `rows` in it. */
  select(reader: Reader): Selection<C> {
    return reader.queries.selectFrom(`${this.name} as rows`) as unknown as Selection<C>;
  }

  /** @throws {SystemError} kind `corrupt`, code `ROW_ALTERED`. */
  open(reader: Reader, row: StoredRow): EntityOf<C> {
    reader.seal.verify(this.name, this.key.map((column) => String(row[column])).join('/'), row);
    const entity: Record<string, unknown> = {};
    for (const [column, codec] of Object.entries(this.columns)) {
      entity[column] = (codec as Column<unknown>).decode(row[column] ?? null);
    }
    return entity as EntityOf<C>;
  }

  #stored(transaction: Transaction, entity: EntityOf<C>): Record<string, Cell> {
    const row = this.#encode(entity);
    return { ...row, mac: transaction.seal.mac(this.name, row) };
  }

  #encode(entity: object): Record<string, Cell> {
    const row: Record<string, Cell> = {};
    for (const [column, value] of Object.entries(entity)) {
      const codec = this.columns[column];
      if (codec !== undefined && value !== undefined) row[column] = (codec as Column<unknown>).encode(value);
    }
    return row;
  }
}
