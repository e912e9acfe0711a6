import { SystemError } from '../base/errors.ts';

/** Who keeps the root key. */
export type ProviderKind = 'file' | 'passphrase' | 'pkcs11' | 'kms';

export const PROVIDER_KINDS: readonly ProviderKind[] = ['file', 'passphrase', 'pkcs11', 'kms'];

/**
 * What has to be stored to get a secret back from its provider. It holds no secret, and nothing that says where to look
 * for one: it lies in the data directory, and whoever can write there must not choose which library is loaded or which
 * server is asked. docs/formats/keyring.md, "Providers". Byte strings are in hex.
 */
export type ProviderRecord = FileRecord | PassphraseRecord | Pkcs11Record | KmsRecord;

export interface FileRecord {
  readonly kind: 'file';
}

export interface PassphraseRecord {
  readonly kind: 'passphrase';
  readonly kdf: 'scrypt';
  readonly n: number;
  readonly r: number;
  readonly p: number;
  readonly salt: string;
  readonly wrapped: string;
}

export interface Pkcs11Record {
  readonly kind: 'pkcs11';
  readonly mechanism: 'aes-gcm';
  readonly iv: string;
  readonly wrapped: string;
}

export interface KmsRecord {
  readonly kind: 'kms';
  readonly keyId: string;
  /** As the other KMS answered it. */
  readonly blob: string;
}

/**
 * Keeps secrets of 32 bytes: the root key, or the key of a backup. One contract suite for all:
 * test/root/provider-suite.ts.
 */
export interface RootKeyProvider {
  readonly kind: ProviderKind;
  /**
   * Takes a secret into its keeping, durably.
   * @param context what the secret is, such as `root-key:…`; it has to be named again to get it back.
   * @param secret left to the caller.
   * @throws {SystemError} kind `unavailable`: it may be tried again; kind `denied`: its own secret is wrong or missing;
   *   kind `invalid`: a setting is wrong.
   */
  wrap(context: string, secret: Uint8Array): Promise<ProviderRecord>;
  /**
   * @returns 32 bytes that the caller wipes.
   * @throws {SystemError} as `wrap`; kind `corrupt` or `denied`: the record was changed, or is of another provider.
   */
  unwrap(context: string, record: ProviderRecord): Promise<Uint8Array>;
  /** The record of `context` is stored durably, and what it opens was verified: nothing wrapped earlier is needed. */
  settle(context: string): Promise<void>;
  /** Nothing that this provider keeps for the root key is needed any more. */
  release(): Promise<void>;
}

/** Reads what lies in a header. @throws {SystemError} kind `corrupt`, code `PROVIDER_RECORD_DAMAGED`. */
export function parseProviderRecord(value: unknown): ProviderRecord {
  const record = (typeof value === 'object' && value !== null ? value : {}) as Partial<Record<string, unknown>>;
  const { kind, kdf, n, r, p, salt, wrapped, mechanism, iv, keyId, blob } = record;
  if (kind === 'file') return { kind };
  if (kind === 'passphrase' && kdf === 'scrypt' && isCost(n, r, p) && isHex(salt) && isHex(wrapped))
    return { kind, kdf, n: n as number, r: r as number, p: p as number, salt, wrapped };
  if (kind === 'pkcs11' && mechanism === 'aes-gcm' && isHex(iv) && isHex(wrapped))
    return { kind, mechanism, iv, wrapped };
  if (kind === 'kms' && isText(keyId) && isText(blob)) return { kind, keyId, blob };
  throw new SystemError(
    'corrupt',
    'PROVIDER_RECORD_DAMAGED',
    'It cannot be read who keeps the key of this file: it was changed, or made by a newer Sealdisk; restore it from a copy.',
  );
}

/** Bounds: 1 GiB of memory and 16 lanes, so that a changed file cannot take the machine down. */
function isCost(n: unknown, r: unknown, p: unknown): boolean {
  if (!isCount(n) || !isCount(r) || !isCount(p)) return false;
  return n >= 2 && 128 * n * r <= 1024 ** 3 && p <= 16 && Number.isInteger(Math.log2(n));
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
const isHex = (value: unknown): value is string => typeof value === 'string' && /^([0-9a-f]{2})+$/.test(value);
const isText = (value: unknown): value is string => typeof value === 'string' && value.length > 0;
