import { AsyncLocalStorage } from 'node:async_hooks';
import { chmodSync, closeSync, openSync } from 'node:fs';

import { CamelCasePlugin, Kysely, SqliteDialect } from 'kysely';

import { assert } from '../base/assert.ts';
import { Mutex } from '../base/mutex.ts';
import { refuseForeign } from './foreign.ts';
import { migrate } from './migrate.ts';
import type { Migration } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';
import { NodeSqlite } from './node-sqlite.ts';
import type { CommittedReader, Queries, Transaction } from './reader.ts';
import { RowCache } from './row-cache.ts';
import { RowSeal } from './sealed-rows.ts';
import type { RowKeys } from './sealed-rows.ts';
import { checkRowKey } from './settings.ts';

export type { CommittedReader, Reader, Transaction } from './reader.ts';

export interface DatabaseOptions {
  /** Absolute path of `metadata.db`; made with mode 0600 when missing. */
  readonly file: string;
  readonly rowKeys: RowKeys;
  /** Only tests pass these. */
  readonly migrations?: readonly Migration[];
}

/**
 * The metadata database: SQLite in WAL mode, every commit synced, deleted content overwritten.
 * This file and `node-sqlite.ts` are the only ones that know the dialect; the rest is portable to PostgreSQL.
 *
 * node:sqlite is synchronous, so there is exactly one writing connection behind one queue: transactions never interleave.
 * Reads use a second connection and see what is committed; each statement is consistent in itself.
 */
export class Database implements AsyncDisposable {
  readonly read: CommittedReader;
  readonly #writer: NodeSqlite;
  readonly #write: Queries;
  /** Asked once in a turn of the event loop, unless something was committed in it. */
  #version: number | undefined;
  readonly #queue = new Mutex();
  readonly #inside = new AsyncLocalStorage<true>();

  private constructor(writer: NodeSqlite, write: Queries, reader: NodeSqlite, seal: RowSeal) {
    this.#writer = writer;
    this.#write = write;
    const version = (): number => {
      if (this.#version === undefined) {
        this.#version = reader.dataVersion();
        setImmediate(() => (this.#version = undefined));
      }
      return this.#version;
    };
    this.read = { queries: kysely(reader), seal, version, cache: new RowCache(version) };
  }

  /**
   * Opens the database, making or migrating it when needed.
   * @throws {SystemError} kind `conflict`: `DATABASE_TOO_NEW`, `DATABASE_FOREIGN`, `DATABASE_NOT_WRITABLE`, `ROOT_KEY_MISMATCH`;
   *   kind `corrupt`: `DATABASE_DAMAGED`.
   */
  static async open(options: DatabaseOptions): Promise<Database> {
    const writer = openWriter(options.file);
    try {
      const write = kysely(writer);
      const seal = new RowSeal(options.rowKeys);
      await migrate(write, options.migrations ?? MIGRATIONS, { blob: 'blob' });
      const database = new Database(writer, write, openReader(options.file), seal);
      await database.transact((transaction) => checkRowKey(transaction));
      return database;
    } catch (error) {
      writer.close();
      throw error;
    }
  }

  /**
   * Runs `body` as one transaction, after those that were asked for before it. What it wrote is durable when the promise
   * settles, or gone when `body` throws. Keep network calls and other slow work out of `body`: everybody waits.
   */
  transact<T>(body: (transaction: Transaction) => Promise<T>): Promise<T> {
    assert(this.#inside.getStore() === undefined, 'transact inside transact would wait for itself');
    return this.#queue.run(() =>
      this.#inside.run(true, async () => {
        try {
          return await this.#write
            .transaction()
            .execute((queries) =>
              body({ queries: queries as unknown as Queries, seal: this.read.seal, writable: true }),
            );
        } finally {
          this.#version = undefined;
        }
      }),
    );
  }

  /**
   * Empties the write-ahead log, so that what was deleted is in neither file any more (deleted content is overwritten in
   * the main file). Called after key material was destroyed. Source: engine-structure.md section 1.6.
   */
  scrub(): Promise<void> {
    return this.#queue.run(() => this.#writer.exec('pragma wal_checkpoint(truncate)'));
  }

  /** Waits for running transactions and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.run(async () => {
      await this.read.queries.destroy();
      await this.#write.destroy();
    });
  }
}

function openWriter(file: string): NodeSqlite {
  // SQLite gives its -wal and -shm files the mode of the main file, so the main file must be private from its first byte.
  makePrivate(file);
  const sqlite = new NodeSqlite(file, { readOnly: false });
  try {
    refuseForeign(sqlite);
    sqlite.exec('pragma journal_mode = wal');
    sqlite.exec('pragma synchronous = full');
    sqlite.exec('pragma foreign_keys = on');
    sqlite.exec('pragma secure_delete = on');
    return sqlite;
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

function openReader(file: string): NodeSqlite {
  return new NodeSqlite(file, { readOnly: true });
}

function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
    chmodSync(file, 0o600);
  } catch {
    // It exists, or cannot be made: opening it says which, with the right error.
  }
}

function kysely(database: NodeSqlite): Queries {
  return new Kysely({ dialect: new SqliteDialect({ database }), plugins: [new CamelCasePlugin()] });
}
