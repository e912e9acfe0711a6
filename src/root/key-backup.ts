import type { Clock } from '../base/clock.ts';
import { isKind, SystemError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { CipherBackend } from '../crypto/aead.ts';
import { encodeKeyFile } from '../kms/key-file.ts';
import type { KeyStore } from '../kms/key-store.ts';
import type { Tombstones } from '../kms/tombstones.ts';
import { SealedBytes } from '../kms/sealed-bytes.ts';
import { listAccounts } from '../metadata/accounts.ts';
import { listAllAliases } from '../metadata/aliases.ts';
import type { Database } from '../metadata/database.ts';
import { listAllKeyVersions } from '../metadata/key-versions.ts';
import { listAllKeys } from '../metadata/keys.ts';
import type { Key } from '../metadata/keys.ts';
import { listKmsServices } from '../metadata/kms-services.ts';
import { decodeKeyBackup, encodeKeyBackup } from './key-backup-content.ts';
import type { KeyBackupContent, KeyBackupIndex } from './key-backup-content.ts';
import type { ProviderKind, RootKeyProvider } from './provider.ts';
import { encodeSealedFile, parseSealedFile } from './sealed-file.ts';

export interface KeyBackupParts {
  readonly store: KeyStore;
  readonly tombstones: Tombstones;
  readonly database: Database;
  readonly ciphers: CipherBackend;
  readonly clock: Clock;
  readonly random: Random;
}

const KEY_SIZE_BYTES = 32;

/** What the key of a backup is wrapped for. */
export const backupContext = (id: string): string => `key-backup:${id}`;

/**
 * All keys in one file, sealed under a key of its own that `provider` keeps. Format: docs/formats/key-backup.md.
 * Keys whose time is over are left out: what is destroyed is in no later backup.
 * @throws {SystemError} what the provider refuses; kind `corrupt`: a key file does not open.
 */
export async function backUpKeys(
  parts: KeyBackupParts,
  provider: RootKeyProvider,
): Promise<{ readonly file: Uint8Array; readonly keys: number; readonly keyVersions: number }> {
  const { ciphers, clock, random } = parts;
  const content = await collect(parts);
  const { index, keyFiles } = content;
  const plaintext = encodeKeyBackup(content);
  for (const keyFile of keyFiles) keyFile.fill(0);
  const key = random.bytes(KEY_SIZE_BYTES);
  try {
    const id = Buffer.from(random.bytes(16)).toString('hex');
    const record = await provider.wrap(backupContext(id), key);
    const header = { what: 'sealdisk-key-backup', id, createdMs: clock.nowMs(), provider: record } as const;
    const file = encodeSealedFile(header, new SealedBytes(ciphers, random, key), plaintext);
    return { file, keys: index.keys.length, keyVersions: keyFiles.length };
  } finally {
    key.fill(0);
    plaintext.fill(0);
  }
}

/**
 * @param providerOf the provider of the kind that the backup names.
 * @returns key files that the caller wipes.
 * @throws {SystemError} kind `corrupt`, `denied`: it does not open.
 */
export async function openKeyBackup(
  { ciphers, random }: Pick<KeyBackupParts, 'ciphers' | 'random'>,
  file: Uint8Array,
  providerOf: (kind: ProviderKind) => RootKeyProvider,
): Promise<KeyBackupContent & { readonly createdMs: number }> {
  const { header, open } = parseSealedFile('sealdisk-key-backup', 'The backup', file);
  if (header.provider.kind === 'file')
    throw new SystemError('corrupt', 'SEALED_FILE_DAMAGED', 'The backup names no passphrase and no provider.');
  const key = await providerOf(header.provider.kind).unwrap(backupContext(header.id), header.provider);
  try {
    const plaintext = open(new SealedBytes(ciphers, random, key));
    try {
      return { ...decodeKeyBackup(plaintext), createdMs: header.createdMs };
    } finally {
      plaintext.fill(0);
    }
  } finally {
    key.fill(0);
  }
}

async function collect({ store, database, clock }: KeyBackupParts): Promise<KeyBackupContent> {
  const nowMs = clock.nowMs();
  const keys = (await listAllKeys(database.read)).filter((key) => !isOver(key, nowMs));
  const kept = new Set(keys.map(({ keyId }) => keyId));
  const keyVersions = (await listAllKeyVersions(database.read))
    .filter(({ keyId }) => kept.has(keyId))
    .map(({ materialSealed: _none, ...version }) => version);
  const keyFiles: Uint8Array[] = [];
  const expired = new Set(keys.filter((key) => hasExpired(key, nowMs)).map(({ keyId }) => keyId));
  for (const { keyVersionId } of keyVersions.filter(({ keyId }) => !expired.has(keyId))) {
    const keyFile = await readKeyFile(store, keyVersionId);
    if (keyFile !== undefined) keyFiles.push(keyFile);
  }
  const index: KeyBackupIndex = {
    accounts: await listAccounts(database.read),
    services: await listKmsServices(database.read),
    keys,
    keyVersions,
    aliases: (await listAllAliases(database.read)).filter(({ keyId }) => kept.has(keyId)),
  };
  return { index, keyFiles };
}

/** Its waiting time has ended: it is destroyed as soon as somebody gets to it. */
export function isOver({ keyState, deleteMs }: Key, nowMs: number): boolean {
  return keyState === 'PendingDeletion' && deleteMs !== null && deleteMs <= nowMs;
}

/** Its imported material has ended. */
export function hasExpired({ materialExpireMs }: Key, nowMs: number): boolean {
  return materialExpireMs !== null && materialExpireMs <= nowMs;
}

/** Undefined: there is none, since the material was not imported yet, or was destroyed. */
async function readKeyFile(store: KeyStore, keyVersionId: string): Promise<Uint8Array | undefined> {
  try {
    const { header, material } = await store.read(keyVersionId);
    using secret = material;
    return encodeKeyFile(header, secret.reveal());
  } catch (error) {
    if (isKind(error, 'corrupt') && error.code === 'KEY_FILE_MISSING') return undefined;
    throw error;
  }
}
