import type { Migration } from '../migrate.ts';

/** Images that are written to files, or were. */
export const imageExports: Migration = {
  name: '0019-image-exports',
  async up(db, types) {
    await db.schema
      .createTable('image_exports')
      .addColumn('task_id', 'text', (column) => column.primaryKey())
      .addColumn('account_id', 'text', (column) => column.notNull().references('accounts.account_id'))
      .addColumn('region_id', 'text', (column) => column.notNull())
      .addColumn('image_id', 'text', (column) => column.notNull())
      .addColumn('bucket', 'text', (column) => column.notNull())
      .addColumn('prefix', 'text', (column) => column.notNull())
      .addColumn('format', 'text', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('progress', 'bigint', (column) => column.notNull())
      .addColumn('failure', 'text')
      .addColumn('created_ms', 'bigint', (column) => column.notNull())
      .addColumn('mac', types.blob, (column) => column.notNull())
      .execute();
    for (const column of ['image_id', 'status'])
      await db.schema.createIndex(`image_exports_by_${column}`).on('image_exports').column(column).execute();
  },
};
