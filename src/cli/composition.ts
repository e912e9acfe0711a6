import type { AuditVerification, NewAccount } from '../admin/admin-protocol.ts';

/** What the command line is handed by bin/sealdisk.js, since only the composition root builds servers. */
export interface Composition {
  /** Runs until the server is asked to stop. */
  serve(options: {
    readonly dataDir?: string;
    readonly listen?: string;
    readonly nbdListen?: string;
    readonly nbdCertificate?: string;
    readonly nbdKey?: string;
    readonly nbdClientCa?: string;
    readonly keepExports?: boolean;
    readonly testClock?: boolean;
  }): Promise<void>;
  /** Checks or rebuilds a disk that nobody has open. */
  fsck(options: {
    readonly disk: string;
    readonly dataDirectory?: string | undefined;
    readonly withKeys: boolean;
    readonly rebuild: boolean;
    readonly sizeGib?: number | undefined;
    readonly wrappedKeyFile?: string | undefined;
  }): Promise<FsckAnswer>;
  /** Verifies the audit log of a data directory that no server has open, or a file that was exported from it. */
  verifyAuditOffline(options: {
    readonly dataDirectory: string;
    readonly anchors: string;
    readonly file?: string;
  }): Promise<AuditVerification>;
  /** The end of the audit log of a data directory that no server has open. */
  auditAnchorOffline(options: { readonly dataDirectory: string }): Promise<{ readonly anchor: string }>;
  /** Creates an account in a data directory that no server has open. */
  createAccountOffline(options: { readonly dataDirectory: string; readonly region?: string }): Promise<NewAccount>;
  /** Whether a policy, or a role's trust policy, is understood. */
  checkPolicy(text: string, kind: 'identity' | 'trust'): Promise<PolicyCheckAnswer>;
}

/** Lines and columns count from 1. */
export type PolicyCheckAnswer =
  { readonly statements: number } | { readonly problem: string; readonly line: number; readonly column: number };

interface Damaged {
  readonly damages: readonly { readonly file: string; readonly message: string }[];
  readonly slots: number;
}

/** One of the two. */
export interface FsckAnswer {
  readonly check?: {
    readonly verdict: 'whole' | 'damaged' | 'refused';
    readonly findings: readonly string[];
    readonly scrub: Damaged | undefined;
  };
  readonly rebuilt?: {
    readonly aside: string;
    readonly lost: readonly string[];
    readonly resurrected: readonly string[];
    readonly snapshotIds: readonly string[];
    readonly scrub: Damaged;
  };
}
