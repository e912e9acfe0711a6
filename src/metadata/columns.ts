/**
 * How the columns of a table look in TypeScript and in the database.
 * Only four kinds of cell exist, the ones that SQLite and PostgreSQL share: text, number, bytes and NULL.
 */
export type Cell = string | number | Uint8Array | null;

/** One column: `encode` and `decode` are inverse. */
export interface Column<Value, Stored extends Cell = Cell> {
  encode(value: Value): Stored;
  decode(stored: Stored): Value;
}

/** The columns of one table, by camelCase name. In the database the names are snake_case. */
export type Columns = Readonly<Record<string, Column<unknown>>>;

/** A row as TypeScript sees it. */
export type EntityOf<C extends Columns> = {
  readonly [Name in keyof C]: C[Name] extends { decode(stored: never): infer Value } ? Value : never;
};

/** A row as the database holds it. */
export type StoredOf<C extends Columns> = {
  [Name in keyof C]: C[Name] extends { encode(value: never): infer Stored } ? Stored : never;
};

/** Text, optionally one of a fixed set of words. */
export const text = <Value extends string = string>(): Column<Value, string> => ({
  encode: (value) => value,
  decode: (stored) => stored as Value,
});

/** A whole number below 2^53. */
export const integer: Column<number, number> = { encode: (value) => value, decode: (stored) => stored };

/** A boolean, stored as 0 or 1. */
export const flag: Column<boolean, number> = { encode: (value) => (value ? 1 : 0), decode: (stored) => stored === 1 };

export const bytes: Column<Uint8Array, Uint8Array> = { encode: (value) => value, decode: (stored) => stored };

/** A JSON value, stored as text. */
export const json = <Value>(): Column<Value, string> => ({
  encode: (value) => JSON.stringify(value),
  decode: (stored) => JSON.parse(stored) as Value,
});

/** The same column, or NULL. Columns added by a later migration to a sealed table are always nullable. */
export const nullable = <Value, Stored extends Cell>(
  column: Column<Value, Stored>,
): Column<Value | null, Stored | null> => ({
  encode: (value) => (value === null ? null : column.encode(value)),
  decode: (stored) => (stored === null ? null : column.decode(stored)),
});
