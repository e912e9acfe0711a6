import type { Migration } from '../migrate.ts';

/** Users, groups, what belongs to them, aliases of accounts, and how many versions a policy has had. */
export const ram: Migration = {
  name: '0007-ram',
  async up(db, types) {
    await db.schema
      .createTable('users')
      .addColumn('account_id', 'text', (column) => column.notNull().references('accounts.account_id'))
      .addColumn('user_name_lower', 'text', (column) => column.notNull())
      .addColumn('user_name', 'text', (column) => column.notNull())
      .addColumn('user_id', 'text', (column) => column.notNull().unique())
      .addColumn('display_name', 'text', (column) => column.notNull())
      .addColumn('mobile_phone', 'text', (column) => column.notNull())
      .addColumn('email', 'text', (column) => column.notNull())
      .addColumn('comments', 'text', (column) => column.notNull())
      .addColumn('created_ms', 'bigint', (column) => column.notNull())
      .addColumn('updated_ms', 'bigint', (column) => column.notNull())
      .addColumn('mac', types.blob, (column) => column.notNull())
      .addPrimaryKeyConstraint('users_key', ['account_id', 'user_name_lower'])
      .execute();
    await db.schema
      .createTable('groups')
      .addColumn('account_id', 'text', (column) => column.notNull().references('accounts.account_id'))
      .addColumn('group_name_lower', 'text', (column) => column.notNull())
      .addColumn('group_name', 'text', (column) => column.notNull())
      .addColumn('group_id', 'text', (column) => column.notNull().unique())
      .addColumn('comments', 'text', (column) => column.notNull())
      .addColumn('created_ms', 'bigint', (column) => column.notNull())
      .addColumn('updated_ms', 'bigint', (column) => column.notNull())
      .addColumn('mac', types.blob, (column) => column.notNull())
      .addPrimaryKeyConstraint('groups_key', ['account_id', 'group_name_lower'])
      .execute();
    await db.schema
      .createTable('group_members')
      .addColumn('account_id', 'text', (column) => column.notNull())
      .addColumn('group_name_lower', 'text', (column) => column.notNull())
      .addColumn('user_name_lower', 'text', (column) => column.notNull())
      .addColumn('joined_ms', 'bigint', (column) => column.notNull())
      .addColumn('mac', types.blob, (column) => column.notNull())
      .addPrimaryKeyConstraint('group_members_key', ['account_id', 'group_name_lower', 'user_name_lower'])
      .execute();
    await db.schema
      .createIndex('group_members_by_user')
      .on('group_members')
      .columns(['account_id', 'user_name_lower'])
      .execute();
    await db.schema
      .createTable('login_profiles')
      .addColumn('user_id', 'text', (column) => column.primaryKey())
      .addColumn('account_id', 'text', (column) => column.notNull())
      .addColumn('password_sealed', types.blob, (column) => column.notNull())
      .addColumn('password_reset_required', 'bigint', (column) => column.notNull())
      .addColumn('mfa_bind_required', 'bigint', (column) => column.notNull())
      .addColumn('created_ms', 'bigint', (column) => column.notNull())
      .addColumn('mac', types.blob, (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('access_key_uses')
      .addColumn('access_key_id', 'text', (column) => column.primaryKey())
      .addColumn('used_ms', 'bigint', (column) => column.notNull())
      .addColumn('mac', types.blob, (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('account_aliases')
      .addColumn('account_id', 'text', (column) => column.primaryKey().references('accounts.account_id'))
      .addColumn('alias', 'text', (column) => column.notNull().unique())
      .addColumn('mac', types.blob, (column) => column.notNull())
      .execute();
    await db.schema.alterTable('policies').addColumn('versions_made', 'bigint').execute();
  },
};
