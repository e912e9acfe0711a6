import type { Migration } from '../migrate.ts';

/** Which accounts an image is shared with, and whose image a disk is from. */
export const imageShares: Migration = {
  name: '0016-image-shares',
  async up(db, types) {
    await db.schema
      .createTable('image_shares')
      .addColumn('image_id', 'text', (column) => column.notNull())
      .addColumn('account_id', 'text', (column) => column.notNull().references('accounts.account_id'))
      .addColumn('shared_ms', 'bigint', (column) => column.notNull())
      .addColumn('mac', types.blob, (column) => column.notNull())
      .addPrimaryKeyConstraint('image_shares_key', ['image_id', 'account_id'])
      .execute();
    await db.schema.alterTable('disks').addColumn('image_owner_id', 'text').execute();
    await db.schema.createIndex('image_shares_by_account').on('image_shares').column('account_id').execute();
  },
};
