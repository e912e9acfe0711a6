import type { Migration } from '../migrate.ts';

/** Images, and which snapshots their disks are made from. */
export const images: Migration = {
  name: '0014-images',
  async up(db, types) {
    await db.schema
      .createTable('images')
      .addColumn('image_id', 'text', (column) => column.primaryKey())
      .addColumn('account_id', 'text', (column) => column.notNull().references('accounts.account_id'))
      .addColumn('region_id', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('version', 'text', (column) => column.notNull())
      .addColumn('family', 'text', (column) => column.notNull())
      .addColumn('description', 'text', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('progress', 'bigint', (column) => column.notNull())
      .addColumn('failure', 'text')
      .addColumn('architecture', 'text', (column) => column.notNull())
      .addColumn('os_type', 'text', (column) => column.notNull())
      .addColumn('platform', 'text', (column) => column.notNull())
      .addColumn('os_name', 'text', (column) => column.notNull())
      .addColumn('boot_mode', 'text', (column) => column.notNull())
      .addColumn('size_gib', 'bigint', (column) => column.notNull())
      .addColumn('devices', 'text', (column) => column.notNull())
      .addColumn('source_instance_id', 'text')
      .addColumn('source_image_id', 'text')
      .addColumn('source_region_id', 'text')
      .addColumn('resource_group_id', 'text')
      .addColumn('tags', 'text', (column) => column.notNull())
      .addColumn('created_ms', 'bigint', (column) => column.notNull())
      .addColumn('mac', types.blob, (column) => column.notNull())
      .execute();
    for (const columns of [
      ['account_id', 'region_id', 'created_ms', 'image_id', 'status'],
      ['account_id', 'region_id', 'name'],
      ['account_id', 'region_id', 'family'],
      ['status'],
      ['source_image_id'],
    ])
      await db.schema
        .createIndex(`images_by_${columns.join('_')}`)
        .on('images')
        .columns([...columns])
        .execute();
    await db.schema
      .createTable('image_snapshots')
      .addColumn('image_id', 'text', (column) => column.notNull().references('images.image_id'))
      .addColumn('snapshot_id', 'text', (column) => column.notNull())
      .addColumn('mac', types.blob, (column) => column.notNull())
      .addPrimaryKeyConstraint('image_snapshots_key', ['image_id', 'snapshot_id'])
      .execute();
    await db.schema
      .createIndex('image_snapshots_by_snapshot')
      .on('image_snapshots')
      .columns(['snapshot_id', 'image_id'])
      .execute();
  },
};
