// What the audit log says: the fields of a record, which docs/formats/audit-log.md describes for readers.
import type { AuditedCall } from '../api/audited-call.ts';

/** Undefined members are left out. */
export type CallFields = Omit<AuditedCall, 'input'> & {
  /** Without anything secret: parameters.ts. */
  readonly parameters: object | undefined;
};

/** A point of the log: everything up to and with the record `seq`, whose hash is `hash`. */
export interface Point {
  /** 0 before the first record. */
  readonly seq: number;
  /** SHA-256, base64url without padding. */
  readonly hash: string;
  /** Number of the file; 0 before the first. */
  readonly file: number;
  /** Bytes of the file up to the end of the record. */
  readonly offset: number;
}

export type AuditEvent =
  /** The first record of each file. `previous`: where the log comes from; what the earlier file holds behind it does not count. */
  | {
      readonly kind: 'file';
      readonly version: 1;
      readonly log: string;
      readonly file: number;
      readonly previous: Point | null;
    }
  /** A program opened, or closed, the log. */
  | { readonly kind: 'start'; readonly program: string; readonly version: string; readonly pid: number }
  | { readonly kind: 'stop'; readonly program: string; readonly pid: number }
  /** A call that changes something is about to run. */
  | ({ readonly kind: 'begin' } & CallFields)
  /** A call was answered so. */
  | ({
      readonly kind: 'call';
      readonly status: number;
      /** `OK`, or the code of the refusal. */
      readonly code: string;
      readonly message?: string | undefined;
      /** Ids of what was made or used. */
      readonly result?: object | undefined;
    } & CallFields)
  /** Sealdisk itself is about to use a key. */
  | {
      readonly kind: 'key';
      /** Of the call that made it necessary; absent when the system acts by itself. */
      readonly requestId?: string | undefined;
      readonly account: string;
      readonly region: string;
      readonly service: string;
      /** The role that allowed it; null for the service key. */
      readonly role: string | null;
      /** The other account for which it is used: an image is shared with it. */
      readonly receiver?: string | undefined;
      readonly keyId: string;
      readonly keyVersionId: string | null;
      readonly purpose: string;
      readonly diskId: string;
    }
  /** Sealdisk did by itself what nobody had asked for at that moment. */
  | { readonly kind: 'system'; readonly action: string; readonly details: object }
  /** The owner of the data directory did something without an AccessKey. */
  | {
      readonly kind: 'admin';
      readonly operation: string;
      readonly outcome: 'begun' | 'done' | 'failed';
      readonly code?: string | undefined;
      readonly details?: object | undefined;
    }
  /** Requests of unknown callers that were refused and have no record of their own. */
  | {
      readonly kind: 'refusals';
      readonly from: string;
      readonly count: number;
      readonly codes: Readonly<Record<string, number>>;
      readonly sources: Readonly<Record<string, number>>;
    }
  /** Records of calls that changed nothing could not be written. */
  | { readonly kind: 'gap'; readonly from: string; readonly count: number; readonly reason: string }
  /** The log was found to be other than Sealdisk had left it. */
  | { readonly kind: 'break'; readonly reason: string }
  /** Old files were removed on purpose. `through`: the last record that is gone. */
  | { readonly kind: 'pruned'; readonly files: number; readonly through: Point };
