/** What the admin socket `DIR/run/admin.sock` offers: one POST per operation, JSON in and out. */
import path from 'node:path';

import { runtimeDirectory } from '../base/system-runtime-directory.ts';

export const ADMIN_BODY_BYTES_MAX = 64 * 1024;

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
