import type { Migration } from '../migrate.ts';

/** Key policies, and which keys were destroyed. */
export const kmsKeys: Migration = {
  name: '0005-kms-keys',
  async up(db, types) {
    await db.schema.alterTable('keys').addColumn('policy', 'text').execute();
    await db.schema
      .createTable('destroyed_keys')
      .addColumn('key_id', 'text', (column) => column.primaryKey())
      .addColumn('account_id', 'text', (column) => column.notNull())
      .addColumn('region_id', 'text', (column) => column.notNull())
      .addColumn('key_version_ids', 'text', (column) => column.notNull())
      .addColumn('destroyed_ms', 'bigint', (column) => column.notNull())
      .addColumn('mac', types.blob, (column) => column.notNull())
      .execute();
  },
};
