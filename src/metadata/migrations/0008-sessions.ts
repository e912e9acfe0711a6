import type { Migration } from '../migrate.ts';

/** What is kept of sessions of roles: the key of their tokens, and when those of a role were ended before their time. */
export const sessions: Migration = {
  name: '0008-sessions',
  async up(db, types) {
    await db.schema
      .createTable('token_keys')
      .addColumn('purpose', 'text', (column) => column.primaryKey())
      .addColumn('key_sealed', types.blob, (column) => column.notNull())
      .addColumn('mac', types.blob, (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('session_ends')
      .addColumn('role_id', 'text', (column) => column.primaryKey())
      .addColumn('account_id', 'text', (column) => column.notNull().references('accounts.account_id'))
      .addColumn('ended_ms', 'bigint', (column) => column.notNull())
      .addColumn('mac', types.blob, (column) => column.notNull())
      .execute();
  },
};
