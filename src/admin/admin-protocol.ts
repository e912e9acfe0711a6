/**
 * What the admin socket `DIR/run/admin.sock` offers: one POST per operation, JSON in and out. A secret that goes with an
 * operation follows the JSON after a line feed, as bytes: strings cannot be wiped.
 */
import path from 'node:path';

import { runtimeDirectory } from '../base/system-runtime-directory.ts';

/** A backup of 10,000 RSA keys in Base64 has some 40 MB. */
export const ADMIN_BODY_BYTES_MAX = 64 * 1024 * 1024;

export interface ServerStatus {
  readonly version: string;
  readonly pid: number;
  readonly dataDirectory: string;
  /** `host:port` of the API. */
  readonly api: string;
  /** `host:port` of NBD over TLS. */
  readonly nbd: string;
  readonly defaultRegion: string;
  /** Process id of the disk server; absent while it is being restarted. */
  readonly diskServerPid?: number;
  /** Disks that are open for clients. */
  readonly exports: number;
  /** `8 days ahead`; only with a test clock. */
  readonly clock?: string;
  /** Why the server is sealed; absent when it is not. */
  readonly sealed?: { readonly code: string; readonly reason: string };
}

export interface NewAccount {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

export interface TestClockState {
  /** `yyyy-MM-ddTHH:mm:ssZ` */
  readonly now: string;
  /** `8 days ahead` */
  readonly ahead: string;
  readonly aheadSeconds: number;
}

export interface RootKeyStatus {
  /** Who keeps the root key: `file`, `passphrase`, `pkcs11` or `kms`. */
  readonly provider: string;
  /** Names the root key and tells nothing of it. */
  readonly rootKeyId: string;
  /** `yyyy-MM-ddTHH:mm:ssZ`. */
  readonly created: string;
  /** What each store key is for, in the order of their numbers. */
  readonly storeKeys: readonly { readonly number: number; readonly purpose: string; readonly created: string }[];
  /** Sealing anew what earlier store keys sealed. */
  readonly resealing: {
    readonly state: 'done' | 'running' | 'waiting';
    readonly keyFiles: number;
    readonly rows: number;
    readonly reason?: string;
  };
}

export interface KeyBackup {
  /** The file, in Base64: docs/formats/key-backup.md. */
  readonly backup: string;
  readonly keys: number;
  readonly keyVersions: number;
}

/** What a restore does, or would do, with one key. */
export interface RestoredKey {
  readonly keyId: string;
  readonly accountId: string;
  readonly regionId: string;
  /**
   * `present`: nothing is to be done; `restore`: the key is not here; `material`: the key is here without some of its
   * material; `destroyed`: it was destroyed on purpose, and is left so unless it is named.
   */
  readonly outcome: 'present' | 'restore' | 'material' | 'destroyed';
  readonly resurrected: boolean;
}

export interface KeyRestore {
  readonly created: string;
  /** False: nothing was changed. */
  readonly applied: boolean;
  readonly keys: readonly RestoredKey[];
  /** Accounts that did not exist, and have no AccessKey yet. */
  readonly accounts: readonly string[];
}

export interface AdminOperations {
  status(input: Record<string, never>): Promise<ServerStatus>;
  createAccount(input: { readonly region?: string }): Promise<NewAccount>;
  /** A further AccessKey for an account whose credentials are lost. */
  createAccessKey(input: { readonly accountId: string }): Promise<NewAccount>;
  /** Puts the test clock forward, and answers when everything that is due then was tried. */
  advanceClock(input: { readonly seconds: number }): Promise<TestClockState>;
  /** The end of the audit log as one line, to be kept elsewhere. */
  auditAnchor(input: Record<string, never>): Promise<{ readonly anchor: string }>;
  /** Verifies the audit log, or a file that was exported from it (absolute path). `anchors`: one a line. */
  verifyAudit(input: { readonly anchors: string; readonly file?: string }): Promise<AuditVerification>;
  /** Opens a sealed server: with its passphrase, or by asking the provider again. */
  unseal(input: Record<string, never>, passphrase?: Uint8Array): Promise<{ readonly provider: string }>;
  rootKey(input: Record<string, never>): Promise<RootKeyStatus>;
  /** A new root key, with another provider if one is named. */
  rotateRootKey(input: { readonly to?: string }, passphrase?: Uint8Array): Promise<RootKeyStatus>;
  /** Every key, sealed under a passphrase, or for the provider of the root key. */
  backupKeys(input: { readonly toProvider: boolean }, passphrase?: Uint8Array): Promise<KeyBackup>;
  restoreKeys(
    input: { readonly backup: string; readonly apply: boolean; readonly resurrect: readonly string[] },
    passphrase?: Uint8Array,
  ): Promise<KeyRestore>;
}

/** What verifying the audit log came to. */
export interface AuditVerification {
  readonly logId: string;
  readonly records: number;
  readonly files: number;
  /** Numbers of the first and the last record. */
  readonly first?: number | undefined;
  readonly last?: { readonly seq: number; readonly hash: string } | undefined;
  /** Empty when the log is whole. */
  readonly findings: readonly { readonly what: string; readonly seq?: number; readonly message: string }[];
  readonly findingsLeftOut: number;
  readonly notes: readonly string[];
}

export function adminSocket(dataDirectory: string): string {
  return path.join(runtimeDirectory(dataDirectory), 'admin.sock');
}
