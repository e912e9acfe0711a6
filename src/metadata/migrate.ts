import type { Kysely } from 'kysely';

import { SystemError } from '../base/errors.ts';

/** Column types whose names differ between dialects. */
export interface DialectTypes {
  readonly blob: 'blob' | 'bytea';
}

/** A step of the schema. Released ones never change; a change is a new one. */
export interface Migration {
  /** `0001-init`: the file's name. */
  readonly name: string;
  up(db: Kysely<never>, types: DialectTypes): Promise<void>;
}

interface Applied {
  migrations: { position: number; name: string };
}

/**
 * Brings the schema up to date: each missing migration in a transaction of its own, in order.
 * @throws {SystemError} kind `conflict`, code `DATABASE_TOO_NEW`: a newer version of Sealdisk was here.
 */
export async function migrate(queries: unknown, migrations: readonly Migration[], types: DialectTypes): Promise<void> {
  const db = queries as Kysely<Applied>;
  await db.schema
    .createTable('migrations')
    .ifNotExists()
    .addColumn('position', 'integer', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .execute();
  const applied = await db.selectFrom('migrations').selectAll().orderBy('position').execute();
  const unknown = applied.find((row, index) => migrations[index]?.name !== row.name);
  if (unknown !== undefined) {
    throw new SystemError(
      'conflict',
      'DATABASE_TOO_NEW',
      `The metadata database was changed by a newer version of Sealdisk (schema step ${unknown.name}, this version knows ${migrations.length}); start that version, or restore a copy made before the upgrade.`,
    );
  }
  for (const [position, migration] of migrations.entries()) {
    if (position < applied.length) continue;
    await db.transaction().execute(async (transaction) => {
      await migration.up(transaction as unknown as Kysely<never>, types);
      await transaction.insertInto('migrations').values({ position, name: migration.name }).execute();
    });
  }
}
