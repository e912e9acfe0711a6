import { decodeKeyFile } from '../kms/key-file.ts';
import type { KeyFileHeader } from '../kms/key-file.ts';
import { findAccount, insertAccount } from '../metadata/accounts.ts';
import { findAlias, insertAlias } from '../metadata/aliases.ts';
import type { Transaction } from '../metadata/database.ts';
import { deleteDestroyedKey, findDestroyedKey } from '../metadata/destroyed-keys.ts';
import { findKeyVersion, insertKeyVersion } from '../metadata/key-versions.ts';
import { findKey, insertKey, updateKey } from '../metadata/keys.ts';
import type { Key } from '../metadata/keys.ts';
import { findKmsService, insertKmsService } from '../metadata/kms-services.ts';
import { SystemError } from '../base/errors.ts';
import { hasExpired, isOver } from './key-backup.ts';
import type { KeyBackupParts } from './key-backup.ts';
import type { KeyBackupContent, KeyBackupIndex } from './key-backup-content.ts';

/**
 * `present`: nothing is to be done; `restore`: the key is not here; `material`: its row is here, some of its material is
 * not; `destroyed`: it or its imported material was destroyed on purpose here, or its time has ended since the backup.
 */
export type RestoreOutcome = 'present' | 'restore' | 'material' | 'destroyed';

export interface PlannedKey {
  readonly key: Key;
  readonly outcome: RestoreOutcome;
  /** Destroyed, and named by the caller all the same. */
  readonly resurrected: boolean;
}

export interface RestorePlan {
  readonly keys: readonly PlannedKey[];
  /** Accounts that will be made. They have no AccessKey. */
  readonly accounts: readonly string[];
}

/**
 * What a restore would do. Changes nothing.
 * @param resurrect ids of destroyed keys that are wanted back.
 * @throws {SystemError} kind `not-found`, code `KEY_NOT_IN_BACKUP`: `resurrect` names one that the backup does not have.
 */
export async function planRestore(
  parts: KeyBackupParts,
  { index, keyFiles }: KeyBackupContent,
  resurrect: readonly string[],
): Promise<RestorePlan> {
  const { database } = parts;
  for (const keyId of resurrect)
    if (!index.keys.some((key) => key.keyId === keyId))
      throw new SystemError('not-found', 'KEY_NOT_IN_BACKUP', `The backup has no key ${keyId}; check the id.`);
  const versions = keyFiles.map(headerOf);
  const keys: PlannedKey[] = [];
  for (const key of index.keys) {
    const outcome = await outcomeOf(parts, key, versions);
    keys.push({ key, outcome, resurrected: outcome === 'destroyed' && resurrect.includes(key.keyId) });
  }
  const needed = new Set(keys.filter(isRestored).map(({ key }) => key.accountId));
  const accounts: string[] = [];
  for (const accountId of needed)
    if ((await findAccount(database.read, accountId)) === undefined) accounts.push(accountId);
  return { keys, accounts };
}

/**
 * Carries a plan out: material first, each file durably, then all rows in one transaction. What is here already is left
 * as it is, so it can be run again after an interruption.
 */
export async function applyRestore(parts: KeyBackupParts, content: KeyBackupContent, plan: RestorePlan): Promise<void> {
  const { store, tombstones, database } = parts;
  const restored = new Map(plan.keys.filter(isRestored).map((planned) => [planned.key.keyId, planned]));
  for (const keyFile of content.keyFiles) {
    const { header, material } = decodeKeyFile(keyFile);
    try {
      if (restored.has(header.keyId) && !(await store.has(header.keyVersionId))) await store.write(header, material);
    } finally {
      material.fill(0);
    }
  }
  await database.transact((transaction) => insertRows(transaction, content.index, restored));
  // Last: if this is interrupted before, the next start destroys what came back, and it has to be asked for again.
  for (const { key, resurrected } of restored.values()) if (resurrected) await tombstones.remove(key.keyId);
}

export const isRestored = ({ outcome, resurrected }: PlannedKey): boolean =>
  outcome === 'restore' || outcome === 'material' || resurrected;

async function outcomeOf(
  { store, database, clock }: KeyBackupParts,
  key: Key,
  versions: readonly KeyFileHeader[],
): Promise<RestoreOutcome> {
  const own = versions.filter(({ keyId }) => keyId === key.keyId).map(({ keyVersionId }) => keyVersionId);
  const missing: string[] = [];
  for (const keyVersionId of own) if (!(await store.has(keyVersionId))) missing.push(keyVersionId);
  const row = await findKey(database.read, key.keyId);
  if (row !== undefined && missing.length === 0) return 'present';
  // A row that waits for material had some that was deleted, since the backup has it.
  const isGone =
    row?.keyState === 'PendingImport' || isOver(row ?? key, clock.nowMs()) || hasExpired(key, clock.nowMs());
  if (isGone || (await findDestroyedKey(database.read, key.keyId)) !== undefined) return 'destroyed';
  return row === undefined ? 'restore' : 'material';
}

async function insertRows(
  transaction: Transaction,
  index: KeyBackupIndex,
  restored: ReadonlyMap<string, PlannedKey>,
): Promise<void> {
  const scopes = new Set<string>();
  for (const account of index.accounts) {
    const isNeeded = [...restored.values()].some(({ key }) => key.accountId === account.accountId);
    if (!isNeeded || (await findAccount(transaction, account.accountId)) !== undefined) continue;
    await insertAccount(transaction, account);
  }
  for (const { key, resurrected } of restored.values()) {
    scopes.add(`${key.accountId}/${key.regionId}`);
    const isHere = (await findKey(transaction, key.keyId)) !== undefined;
    if (!isHere) await insertKey(transaction, resurrected ? { ...key, ...REVIVED } : key);
    else if (resurrected) await updateKey(transaction, key.keyId, REVIVED);
    if (resurrected) await deleteDestroyedKey(transaction, key.keyId);
  }
  for (const version of index.keyVersions)
    if (restored.has(version.keyId) && (await findKeyVersion(transaction, version.keyVersionId)) === undefined)
      await insertKeyVersion(transaction, { ...version, materialSealed: null });
  for (const alias of index.aliases) {
    const { accountId, regionId, aliasName, keyId } = alias;
    if (restored.has(keyId) && (await findAlias(transaction, accountId, regionId, aliasName)) === undefined)
      await insertAlias(transaction, alias);
  }
  for (const service of index.services) {
    const { accountId, regionId } = service;
    if (
      scopes.has(`${accountId}/${regionId}`) &&
      (await findKmsService(transaction, accountId, regionId)) === undefined
    )
      await insertKmsService(transaction, service);
  }
}

/** Nobody uses a resurrected key before somebody has looked at it and enabled it; and it is not destroyed at once. */
const REVIVED = { keyState: 'Disabled', deleteMs: null, materialExpireMs: null } as const;

function headerOf(keyFile: Uint8Array): KeyFileHeader {
  const { header, material } = decodeKeyFile(keyFile);
  material.fill(0);
  return header;
}
