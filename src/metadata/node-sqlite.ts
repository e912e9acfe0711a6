import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, StatementSync } from 'node:sqlite';

import type { SqliteDatabase, SqliteStatement } from 'kysely';

import { SystemError, messageOf } from '../base/errors.ts';

/** Statements kept ready. The whole program has about a hundred different ones; filters make some more. */
const STATEMENTS_MAX = 256;

/** `node:sqlite` in the shape that kysely's SQLite dialect expects, with SQLite's result codes as SystemErrors. */
export class NodeSqlite implements SqliteDatabase {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, SqliteStatement>();
  /** Asked with every row that is known already. */
  #dataVersion: StatementSync | undefined;

  constructor(file: string, options: { readonly readOnly: boolean }) {
    this.#db = translated(() => new DatabaseSync(file, { readOnly: options.readOnly, timeout: 5_000 }));
  }

  /** Runs statements that answer nothing. */
  exec(sql: string): void {
    translated(() => this.#db.exec(sql));
  }

  /** The first column of the first row of a pragma or query. */
  value(sql: string): unknown {
    return translated(() => Object.values(this.#db.prepare(sql).get() ?? {})[0]);
  }

  /** Another number after every commit of another connection. Source: sqlite.org/pragma.html, data_version. */
  dataVersion(): number {
    this.#dataVersion ??= translated(() => this.#db.prepare('pragma data_version'));
    const statement = this.#dataVersion;
    return translated(() => Number(statement.get()?.['data_version']));
  }

  prepare(sql: string): SqliteStatement {
    const cached = this.#statements.get(sql);
    if (cached !== undefined) {
      this.#statements.delete(sql);
      this.#statements.set(sql, cached);
      return cached;
    }
    const statement = adapt(translated(() => this.#db.prepare(sql)));
    this.#statements.set(sql, statement);
    const oldest = this.#statements.keys().next();
    if (this.#statements.size > STATEMENTS_MAX && oldest.done === false) this.#statements.delete(oldest.value);
    return statement;
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }
}

function adapt(statement: StatementSync): SqliteStatement {
  const all = (parameters: readonly unknown[]): unknown[] =>
    translated(() => statement.all(...(parameters as SQLInputValue[])));
  return {
    reader: statement.columns().length > 0,
    all,
    run: (parameters) => translated(() => statement.run(...(parameters as SQLInputValue[]))),
    iterate: (parameters) => all(parameters).values(),
  };
}

function translated<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw sqliteError(error);
  }
}

/** Source of the numbers: sqlite.org/rescode.html. The low byte is the primary code. */
function sqliteError(error: unknown): unknown {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : undefined;
  if (code === undefined || Number.isNaN(code)) return error;
  const options = { cause: error };
  switch (code & 0xff) {
    case 19: // CONSTRAINT: 1555 primary key, 2067 unique
      return code === 1555 || code === 2067
        ? new SystemError(
            'conflict',
            'ROW_EXISTS',
            `A row with these key columns exists: ${messageOf(error)}.`,
            options,
          )
        : new SystemError('conflict', 'ROW_REFERENCED', `Other rows depend on this one: ${messageOf(error)}.`, options);
    case 11: // CORRUPT
    case 26: // NOTADB
      return new SystemError(
        'corrupt',
        'DATABASE_DAMAGED',
        `The metadata database is damaged or not a database (${messageOf(error)}); stop the server and restore metadata.db from a copy.`,
        options,
      );
    case 13: // FULL
      return new SystemError(
        'no-space',
        'DATABASE_FULL',
        'The metadata database has no space to grow; free some space.',
        options,
      );
    case 5: // BUSY
    case 6: // LOCKED
      return new SystemError(
        'unavailable',
        'DATABASE_BUSY',
        'Another program holds the metadata database; close it and try again.',
        options,
      );
    case 8: // READONLY
    case 14: // CANTOPEN
      return new SystemError(
        'conflict',
        'DATABASE_NOT_WRITABLE',
        `The metadata database cannot be opened for writing (${messageOf(error)}); check owner and mode of the data directory.`,
        options,
      );
    case 10: // IOERR
      return new SystemError(
        'unavailable',
        'DATABASE_IO_ERROR',
        `The metadata database could not be read or written (${messageOf(error)}); check the disk under the data directory.`,
        options,
      );
    default:
      return error;
  }
}
