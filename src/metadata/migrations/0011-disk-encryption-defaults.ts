import type { Migration } from '../migrate.ts';

/** Where an account has every new disk encrypted, and under which key. */
export const diskEncryptionDefaults: Migration = {
  name: '0011-disk-encryption-defaults',
  async up(db, types) {
    await db.schema
      .createTable('disk_encryption_defaults')
      .addColumn('account_id', 'text', (column) => column.notNull().references('accounts.account_id'))
      .addColumn('region_id', 'text', (column) => column.notNull())
      .addColumn('kms_key_id', 'text', (column) => column.notNull())
      .addColumn('mac', types.blob, (column) => column.notNull())
      .addPrimaryKeyConstraint('disk_encryption_defaults_key', ['account_id', 'region_id'])
      .execute();
  },
};
