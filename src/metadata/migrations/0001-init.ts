import type { CreateTableBuilder, Kysely } from 'kysely';

import type { DialectTypes, Migration } from '../migrate.ts';

/** `name:type`, with `?` when it may be NULL. */
type ColumnSpec = `${string}:${'text' | 'int' | 'blob'}${'' | '?'}`;

interface TableSpec {
  readonly name: string;
  readonly columns: readonly ColumnSpec[];
  readonly key: readonly string[];
  /** Column, then table and column that it refers to. */
  readonly references?: readonly (readonly [string, string, string])[];
  readonly indexes?: readonly (readonly string[])[];
  /** Rows carry a MAC: src/metadata/sealed-rows.ts. */
  readonly sealed: boolean;
}

const TABLES: readonly TableSpec[] = [
  {
    name: 'settings',
    columns: ['name:text', 'value:text'],
    key: ['name'],
    sealed: true,
  },
  {
    name: 'accounts',
    columns: ['account_id:text', 'region_id:text', 'created_ms:int'],
    key: ['account_id'],
    sealed: true,
  },
  {
    name: 'access_keys',
    columns: [
      'access_key_id:text',
      'account_id:text',
      'user_name:text?',
      'secret_sealed:blob',
      'status:text',
      'created_ms:int',
    ],
    key: ['access_key_id'],
    references: [['account_id', 'accounts', 'account_id']],
    indexes: [['account_id']],
    sealed: true,
  },
  {
    name: 'roles',
    columns: [
      'account_id:text',
      'role_name_lower:text',
      'role_name:text',
      'role_id:text',
      'description:text',
      'trust_policy:text',
      'max_session_duration_s:int',
      'tags:text',
      'created_ms:int',
      'updated_ms:int',
    ],
    key: ['account_id', 'role_name_lower'],
    references: [['account_id', 'accounts', 'account_id']],
    sealed: true,
  },
  {
    name: 'policies',
    columns: [
      'account_id:text',
      'policy_name:text',
      'description:text',
      'default_version:text',
      'tags:text',
      'created_ms:int',
      'updated_ms:int',
    ],
    key: ['account_id', 'policy_name'],
    references: [['account_id', 'accounts', 'account_id']],
    sealed: true,
  },
  {
    name: 'policy_versions',
    columns: ['account_id:text', 'policy_name:text', 'version_id:text', 'document:text', 'created_ms:int'],
    key: ['account_id', 'policy_name', 'version_id'],
    sealed: true,
  },
  {
    name: 'policy_attachments',
    columns: [
      'account_id:text',
      'principal_type:text',
      'principal_name:text',
      'policy_type:text',
      'policy_name:text',
      'attached_ms:int',
    ],
    key: ['account_id', 'principal_type', 'principal_name', 'policy_type', 'policy_name'],
    indexes: [['account_id', 'policy_type', 'policy_name']],
    sealed: true,
  },
  {
    name: 'kms_services',
    columns: ['account_id:text', 'region_id:text', 'opened_ms:int'],
    key: ['account_id', 'region_id'],
    references: [['account_id', 'accounts', 'account_id']],
    sealed: true,
  },
  {
    name: 'keys',
    columns: [
      'key_id:text',
      'account_id:text',
      'region_id:text',
      'key_spec:text',
      'key_usage:text',
      'origin:text',
      'protection_level:text',
      'key_state:text',
      'description:text',
      'creator:text',
      'creator_type:text',
      'primary_version_id:text',
      'automatic_rotation:int',
      'rotation_interval_s:int?',
      'last_rotation_ms:int?',
      'next_rotation_ms:int?',
      'material_expire_ms:int?',
      'deletion_protection:int',
      'deletion_protection_description:text?',
      'tags:text',
      'created_ms:int',
      'delete_ms:int?',
    ],
    key: ['key_id'],
    references: [['account_id', 'accounts', 'account_id']],
    indexes: [['account_id', 'region_id', 'created_ms', 'key_id']],
    sealed: true,
  },
  {
    name: 'key_versions',
    columns: ['key_version_id:text', 'key_id:text', 'material_sealed:blob?', 'created_ms:int'],
    key: ['key_version_id'],
    references: [['key_id', 'keys', 'key_id']],
    indexes: [['key_id', 'created_ms']],
    sealed: true,
  },
  {
    name: 'aliases',
    columns: ['account_id:text', 'region_id:text', 'alias_name:text', 'key_id:text', 'created_ms:int'],
    key: ['account_id', 'region_id', 'alias_name'],
    references: [['key_id', 'keys', 'key_id']],
    indexes: [['key_id']],
    sealed: true,
  },
  {
    name: 'disks',
    columns: [
      'disk_id:text',
      'account_id:text',
      'region_id:text',
      'zone_id:text',
      'name:text',
      'description:text',
      'type:text',
      'category:text',
      'performance_level:text?',
      'provisioned_iops:int?',
      'bursting_enabled:int',
      'size_gib:int',
      'status:text',
      'encrypted:int',
      'kms_key_id:text?',
      'suite:text',
      'wrapped_key:blob',
      'wrapped_by:text',
      'source_snapshot_id:text?',
      'image_id:text?',
      'delete_auto_snapshot:int',
      'delete_with_instance:int',
      'enable_auto_snapshot:int',
      'auto_snapshot_policy_id:text?',
      'portable:int',
      'charge_type:text',
      'multi_attach:text',
      'resource_group_id:text?',
      'tags:text',
      'instance_id:text?',
      'device:text?',
      'pin:text?',
      'created_ms:int',
      'attached_ms:int?',
      'detached_ms:int?',
      'ever_attached:int',
    ],
    key: ['disk_id'],
    references: [['account_id', 'accounts', 'account_id']],
    indexes: [
      // With the status, so that counting the visible ones reads the index alone.
      ['account_id', 'region_id', 'created_ms', 'disk_id', 'status'],
      ['account_id', 'region_id', 'name'],
      ['account_id', 'region_id', 'kms_key_id'],
      ['kms_key_id'],
      ['source_snapshot_id'],
      ['instance_id'],
      ['status'],
    ],
    sealed: true,
  },
  {
    name: 'snapshots',
    columns: [
      'snapshot_id:text',
      'account_id:text',
      'region_id:text',
      'source_disk_id:text',
      'source_disk_type:text',
      'source_instance_id:text?',
      'name:text',
      'description:text',
      'type:text',
      'category:text',
      'size_gib:int',
      'status:text',
      'progress:int',
      'encrypted:int',
      'kms_key_id:text?',
      'suite:text',
      'wrapped_key:blob',
      'wrapped_by:text',
      'pin:text?',
      'retention_days:int?',
      'resource_group_id:text?',
      'tags:text',
      'created_ms:int',
      'modified_ms:int',
    ],
    key: ['snapshot_id'],
    references: [['account_id', 'accounts', 'account_id']],
    indexes: [
      // With the status, so that counting the visible ones reads the index alone.
      ['account_id', 'region_id', 'created_ms', 'snapshot_id', 'status'],
      ['account_id', 'region_id', 'name'],
      ['account_id', 'region_id', 'kms_key_id'],
      ['source_disk_id'],
      ['kms_key_id'],
      ['status'],
    ],
    sealed: true,
  },
  {
    name: 'exports',
    columns: [
      'export_id:text',
      'disk_id:text',
      'account_id:text',
      'region_id:text',
      'name:text',
      'read_only:int',
      'psk_identity:text',
      'psk_sealed:blob',
      'boot_id:text',
      'status:text',
      'created_ms:int',
    ],
    key: ['export_id'],
    references: [['disk_id', 'disks', 'disk_id']],
    indexes: [['account_id', 'region_id', 'created_ms']],
    sealed: true,
  },
  {
    name: 'resource_tags',
    columns: ['resource_id:text', 'tag_key:text', 'tag_value:text'],
    key: ['resource_id', 'tag_key'],
    indexes: [['tag_key', 'tag_value', 'resource_id']],
    sealed: false,
  },
  {
    name: 'client_tokens',
    columns: ['key:text', 'fingerprint:text', 'owner:text', 'answer:text?', 'expires_ms:int'],
    key: ['key'],
    indexes: [['expires_ms']],
    sealed: false,
  },
];

/** Combinations of columns that are unique beside the primary key. */
const UNIQUE: readonly (readonly [table: string, column: string])[] = [
  ['exports', 'disk_id'], // one export a disk
  ['exports', 'psk_identity'],
  ['roles', 'role_id'],
];

type AnyTable = CreateTableBuilder<string, string>;

function addColumn(table: AnyTable, spec: ColumnSpec, types: DialectTypes): AnyTable {
  const [name = '', type = ''] = spec.replace('?', '').split(':');
  // bigint: PostgreSQL's integer is too small for milliseconds.
  const columnType = type === 'int' ? 'bigint' : type === 'blob' ? types.blob : 'text';
  return table.addColumn(name, columnType as 'text', (column) => (spec.endsWith('?') ? column : column.notNull()));
}

async function createTable(db: Kysely<never>, spec: TableSpec, types: DialectTypes): Promise<void> {
  let table = db.schema.createTable(spec.name) as unknown as AnyTable;
  for (const column of spec.columns) table = addColumn(table, column, types);
  if (spec.sealed) table = addColumn(table, 'mac:blob', types);
  table = table.addPrimaryKeyConstraint(`${spec.name}_key`, [...spec.key] as [string]);
  for (const [column, target, targetColumn] of spec.references ?? []) {
    table = table.addForeignKeyConstraint(`${spec.name}_${column}_refers`, [column], target, [targetColumn]);
  }
  await table.execute();
  for (const columns of spec.indexes ?? []) {
    await db.schema
      .createIndex(`${spec.name}_by_${columns.join('_')}`)
      .on(spec.name)
      .columns([...columns])
      .execute();
  }
}

/** Every table of the first release. */
export const init: Migration = {
  name: '0001-init',
  async up(db, types) {
    for (const spec of TABLES) await createTable(db, spec, types);
    for (const [table, column] of UNIQUE) {
      await db.schema.createIndex(`${table}_unique_${column}`).unique().on(table).column(column).execute();
    }
  },
};
