import type { EntityOf } from './columns.ts';
import { bytes, flag, integer, json, nullable, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';
import type { Tag } from './tags.ts';

export type KeySpec =
  | 'Aliyun_AES_256'
  | 'Aliyun_AES_192'
  | 'Aliyun_AES_128'
  | 'Aliyun_SM4'
  | 'RSA_2048'
  | 'RSA_3072'
  | 'EC_P256'
  | 'EC_P256K'
  | 'EC_SM2'
  | 'HMAC_SHA224'
  | 'HMAC_SHA256'
  | 'HMAC_SHA384'
  | 'HMAC_SHA512'
  | 'HMAC_SM3';
export type KeyUsage = 'ENCRYPT/DECRYPT' | 'SIGN/VERIFY' | 'GENERATE/VERIFY_MAC';
export type KeyState = 'Enabled' | 'Disabled' | 'PendingDeletion' | 'PendingImport';

export const keys = new SealedTable(
  'keys',
  {
    /** A UUID. */
    keyId: text(),
    accountId: text(),
    regionId: text(),
    keySpec: text<KeySpec>(),
    keyUsage: text<KeyUsage>(),
    origin: text<'Aliyun_KMS' | 'EXTERNAL'>(),
    protectionLevel: text<'SOFTWARE' | 'HSM'>(),
    keyState: text<KeyState>(),
    description: text(),
    /** An account id, or `Ecs` for the service key. */
    creator: text(),
    creatorType: text<'User' | 'Service'>(),
    primaryVersionId: text(),
    automaticRotation: flag,
    rotationIntervalS: nullable(integer),
    lastRotationMs: nullable(integer),
    nextRotationMs: nullable(integer),
    /** When imported material expires; null when it never does, and for all other keys. */
    materialExpireMs: nullable(integer),
    /** When the imported material that is there now came; null while there is none, and for all other keys. */
    materialImportedMs: nullable(integer),
    /** What tells, for ever, whether bytes are the material that was imported first. docs/formats/imported-material.md */
    materialCheck: nullable(bytes),
    deletionProtection: flag,
    deletionProtectionDescription: nullable(text()),
    tags: json<readonly Tag[]>(),
    /** The policy on the key itself, JSON; null: the default one. */
    policy: nullable(text()),
    createdMs: integer,
    /** When a key in `PendingDeletion` will be destroyed. */
    deleteMs: nullable(integer),
  },
  ['keyId'],
);

export type Key = EntityOf<typeof keys.columns>;

export interface KeyFilter {
  readonly accountId: string;
  readonly regionId: string;
  readonly keyStates?: readonly string[] | undefined;
  readonly keySpecs?: readonly string[] | undefined;
  readonly keyUsages?: readonly string[] | undefined;
  readonly protectionLevels?: readonly string[] | undefined;
  readonly creatorTypes?: readonly string[] | undefined;
  /** Leaves out keys whose waiting time was over by then, destroyed or not. */
  readonly aliveAtMs?: number | undefined;
}

export const findKey = (reader: Reader, keyId: string): Promise<Key | undefined> => keys.find(reader, { keyId });

/** Of all accounts and regions, oldest first. */
export const listAllKeys = (reader: Reader): Promise<Key[]> => keys.findAll(reader, {}, ['createdMs', 'keyId']);

/** Oldest first (decisions.md E13), with the number of all that match. */
export async function listKeys(
  reader: Reader,
  filter: KeyFilter,
  page: { readonly offset: number; readonly limit: number },
): Promise<{ readonly keys: Key[]; readonly totalCount: number }> {
  let query = keys
    .select(reader)
    .where('rows.accountId', '=', filter.accountId)
    .where('rows.regionId', '=', filter.regionId);
  if (filter.keyStates) query = query.where('rows.keyState', 'in', filter.keyStates as KeyState[]);
  if (filter.keySpecs) query = query.where('rows.keySpec', 'in', filter.keySpecs as KeySpec[]);
  if (filter.keyUsages) query = query.where('rows.keyUsage', 'in', filter.keyUsages as KeyUsage[]);
  if (filter.protectionLevels) query = query.where('rows.protectionLevel', 'in', filter.protectionLevels as ['HSM']);
  if (filter.creatorTypes) query = query.where('rows.creatorType', 'in', filter.creatorTypes as ['User']);
  const { aliveAtMs } = filter;
  if (aliveAtMs !== undefined)
    query = query.where((eb) => eb.or([eb('rows.deleteMs', 'is', null), eb('rows.deleteMs', '>', aliveAtMs)]));
  const { count } = await query.select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
  const rows = await query
    .orderBy('rows.createdMs')
    .orderBy('rows.keyId')
    .offset(page.offset)
    .limit(page.limit)
    .selectAll()
    .execute();
  return { keys: rows.map((row) => keys.open(reader, row)), totalCount: Number(count) };
}

/** Keys whose waiting time ended at or before `nowMs`. */
export async function listKeysToDestroy(reader: Reader, nowMs: number): Promise<Key[]> {
  const rows = await keys
    .select(reader)
    .where('rows.keyState', '=', 'PendingDeletion')
    .where('rows.deleteMs', '<=', nowMs)
    .selectAll()
    .execute();
  return rows.map((row) => keys.open(reader, row));
}

/** Keys whose imported material expired by `nowMs`, or was deleted. */
export async function listKeysWithoutLastingMaterial(reader: Reader, nowMs: number): Promise<Key[]> {
  const rows = await keys
    .select(reader)
    .where('rows.origin', '=', 'EXTERNAL')
    // Where none was ever imported there may be a file nevertheless: of an import that is newer than the database.
    .where('rows.materialCheck', 'is not', null)
    .where((eb) => eb.or([eb('rows.materialImportedMs', 'is', null), eb('rows.materialExpireMs', '<=', nowMs)]))
    .selectAll()
    .execute();
  return rows.map((row) => keys.open(reader, row));
}

/** When the next imported material expires. A hint for waking: it is read without its MAC. */
export async function nextMaterialExpiryMs(reader: Reader): Promise<number | undefined> {
  const { dueMs } = await keys
    .select(reader)
    .where('rows.origin', '=', 'EXTERNAL')
    .select((eb) => eb.fn.min('rows.materialExpireMs').as('dueMs'))
    .executeTakeFirstOrThrow();
  return dueMs === null ? undefined : Number(dueMs);
}

/** When the next key has to be destroyed. A hint for waking: it is read without its MAC. */
export async function nextDestructionMs(reader: Reader): Promise<number | undefined> {
  const { dueMs } = await keys
    .select(reader)
    .where('rows.keyState', '=', 'PendingDeletion')
    .select((eb) => eb.fn.min('rows.deleteMs').as('dueMs'))
    .executeTakeFirstOrThrow();
  return dueMs === null ? undefined : Number(dueMs);
}

/** Keys in use whose automatic rotation was due by `nowMs`. */
export async function listKeysToRotate(reader: Reader, nowMs: number): Promise<Key[]> {
  const rows = await keys
    .select(reader)
    .where('rows.keyState', '=', 'Enabled')
    .where('rows.automaticRotation', '=', 1)
    .where('rows.nextRotationMs', '<=', nowMs)
    .selectAll()
    .execute();
  return rows.map((row) => keys.open(reader, row));
}

/** When the next key is to be rotated. A hint for waking: it is read without its MAC. */
export async function nextRotationMs(reader: Reader): Promise<number | undefined> {
  const { dueMs } = await keys
    .select(reader)
    .where('rows.keyState', '=', 'Enabled')
    .where('rows.automaticRotation', '=', 1)
    .select((eb) => eb.fn.min('rows.nextRotationMs').as('dueMs'))
    .executeTakeFirstOrThrow();
  return dueMs === null ? undefined : Number(dueMs);
}

export const insertKey = (transaction: Transaction, key: Key): Promise<void> => keys.insert(transaction, key);

export const updateKey = (
  transaction: Transaction,
  keyId: string,
  changes: Partial<Omit<Key, 'keyId'>>,
): Promise<Key> => keys.update(transaction, { keyId }, changes);

/** Its versions and aliases have to go first. */
export const deleteKey = (transaction: Transaction, keyId: string): Promise<number> =>
  keys.delete(transaction, { keyId });
