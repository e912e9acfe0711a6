import type { Migration } from '../migrate.ts';

/** Exports of snapshots. They refer to the snapshots that they keep: neither row goes while the export is there. */
export const snapshotExports: Migration = {
  name: '0002-snapshot-exports',
  async up(db, types) {
    await db.schema
      .createTable('snapshot_exports')
      .addColumn('export_id', 'text', (column) => column.notNull())
      .addColumn('snapshot_id', 'text', (column) => column.notNull())
      .addColumn('base_snapshot_id', 'text')
      .addColumn('disk_id', 'text', (column) => column.notNull())
      .addColumn('account_id', 'text', (column) => column.notNull())
      .addColumn('region_id', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('psk_identity', 'text', (column) => column.notNull())
      .addColumn('psk_sealed', types.blob as 'blob', (column) => column.notNull())
      .addColumn('boot_id', 'text', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('created_ms', 'bigint', (column) => column.notNull())
      .addColumn('mac', types.blob as 'blob', (column) => column.notNull())
      .addPrimaryKeyConstraint('snapshot_exports_key', ['export_id'])
      .addForeignKeyConstraint('snapshot_exports_snapshot_refers', ['snapshot_id'], 'snapshots', ['snapshot_id'])
      .addForeignKeyConstraint('snapshot_exports_base_refers', ['base_snapshot_id'], 'snapshots', ['snapshot_id'])
      .execute();
    await db.schema
      .createIndex('snapshot_exports_unique_psk_identity')
      .unique()
      .on('snapshot_exports')
      .column('psk_identity')
      .execute();
    for (const column of ['snapshot_id', 'base_snapshot_id'])
      await db.schema.createIndex(`snapshot_exports_by_${column}`).on('snapshot_exports').column(column).execute();
  },
};
