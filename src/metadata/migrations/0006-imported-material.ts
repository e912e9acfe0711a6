import type { Migration } from '../migrate.ts';

/** Keys whose material comes from outside: when it came, and which bytes it has to be. */
export const importedMaterial: Migration = {
  name: '0006-imported-material',
  async up(db, types) {
    await db.schema.alterTable('keys').addColumn('material_imported_ms', 'bigint').execute();
    await db.schema.alterTable('keys').addColumn('material_check', types.blob).execute();
    await db.schema.createIndex('keys_by_origin').on('keys').column('origin').execute();
  },
};
