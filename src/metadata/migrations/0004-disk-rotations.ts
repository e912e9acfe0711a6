import type { Migration } from '../migrate.ts';

/** Disks that are getting another data key. */
export const diskRotations: Migration = {
  name: '0004-disk-rotations',
  async up(db, types) {
    await db.schema
      .createTable('disk_rotations')
      .addColumn('disk_id', 'text', (column) => column.primaryKey())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('encrypted', 'bigint', (column) => column.notNull())
      .addColumn('kms_key_id', 'text')
      .addColumn('suite', 'text', (column) => column.notNull())
      .addColumn('wrapped_key', types.blob as 'blob', (column) => column.notNull())
      .addColumn('wrapped_by', 'text', (column) => column.notNull())
      .addColumn('paused', 'bigint', (column) => column.notNull())
      .addColumn('started_ms', 'bigint', (column) => column.notNull())
      .addColumn('mac', types.blob as 'blob', (column) => column.notNull())
      .execute();
    await db.schema.createIndex('disk_rotations_by_status').on('disk_rotations').column('status').execute();
  },
};
