import type { Migration } from '../migrate.ts';

/** Streams on their way, and which states of disks were received. */
export const transfers: Migration = {
  name: '0003-transfers',
  async up(db, types) {
    await db.schema
      .createTable('transfers')
      .addColumn('transfer_id', 'text', (column) => column.primaryKey())
      .addColumn('account_id', 'text', (column) => column.notNull().references('accounts.account_id'))
      .addColumn('region_id', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('stream_id', 'text', (column) => column.notNull())
      .addColumn('suite', 'text', (column) => column.notNull())
      .addColumn('key', 'text', (column) => column.notNull())
      .addColumn('header', types.blob)
      .addColumn('snapshot_id', 'text')
      .addColumn('base_snapshot_id', 'text')
      .addColumn('disk_id', 'text')
      .addColumn('target', 'text')
      .addColumn('failure', 'text')
      .addColumn('psk_identity', 'text', (column) => column.notNull())
      .addColumn('psk_sealed', types.blob, (column) => column.notNull())
      .addColumn('created_ms', 'bigint', (column) => column.notNull())
      .addColumn('expires_ms', 'bigint', (column) => column.notNull())
      .addColumn('mac', types.blob, (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex('transfers_by_account')
      .on('transfers')
      .columns(['account_id', 'region_id', 'created_ms'])
      .execute();
    await db.schema
      .createTable('received_states')
      .addColumn('snapshot_id', 'text', (column) => column.primaryKey())
      .addColumn('account_id', 'text', (column) => column.notNull())
      .addColumn('disk_id', 'text', (column) => column.notNull())
      .addColumn('identity', 'text', (column) => column.notNull())
      .addColumn('source_disk_id', 'text', (column) => column.notNull())
      .addColumn('source_snapshot_id', 'text', (column) => column.notNull())
      .addColumn('received_ms', 'bigint', (column) => column.notNull())
      .addColumn('mac', types.blob, (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex('received_states_by_identity')
      .on('received_states')
      .columns(['account_id', 'identity'])
      .execute();
  },
};
