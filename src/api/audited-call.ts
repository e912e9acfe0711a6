// A call as the audit log sees it: what the front door knows of it, and what came of it.
import type { Access, Product } from './action.ts';

/** `read` changes nothing; `key-use` changes nothing but uses a key; everything else is a `mutation`. */
export type CallClass = 'read' | 'key-use' | 'mutation';

/** As far as the request got before it was refused. */
export interface AuditedCall {
  readonly requestId: string;
  readonly account: string | undefined;
  /** ARN. */
  readonly principal: string | undefined;
  readonly accessKeyId: string | undefined;
  /** An AccessKey id that the request named without proving to hold it. */
  readonly claimedAccessKeyId: string | undefined;
  readonly sourceIp: string;
  readonly userAgent: string | undefined;
  readonly product: Product | undefined;
  readonly action: string | undefined;
  readonly region: string | undefined;
  readonly class: CallClass;
  /** ARNs of what the call is about. */
  readonly resources: readonly string[] | undefined;
  readonly decision: AuditedDecision | undefined;
  /** Decoded. The log leaves out what could be secret. */
  readonly input: Readonly<Record<string, unknown>> | undefined;
}

/** What allowed or refused a call. */
export type AuditedDecision =
  | {
      readonly effect: 'Allow';
      /** The statements that allow it; none where the account itself acts on what it owns. */
      readonly by?: readonly DecidingStatement[];
    }
  | ({
      readonly effect: 'ImplicitDeny' | 'ExplicitDeny';
      /** The kind of policy that had the last word. */
      readonly policyType?: string;
      /** The statement that refuses; none where no statement allows. */
      readonly by?: DecidingStatement;
    } & Access);

/** One statement of a policy. */
export interface DecidingStatement {
  readonly policy: string;
  /** Counts from 0. */
  readonly statement: number;
  readonly policyType?: string;
  readonly version?: string;
  /** Through whom it is in force: `user/alice`, `group/devs`, `role/ops`. */
  readonly attachedTo?: string;
  /** Where it begins in the document. */
  readonly at?: { readonly line: number; readonly column: number };
}

export interface CallOutcome {
  /** Of HTTP. */
  readonly status: number;
  /** `OK`, or the code of the refusal. */
  readonly code: string;
  readonly message?: string | undefined;
  /** Of the answer. */
  readonly body?: Readonly<Record<string, unknown>> | undefined;
}

const READ = /^(?:Describe|List|Get|Simulate|Check)/;
/** They begin like reads. GetParametersForImport makes a key pair and a token. */
const NO_READS: readonly string[] = ['GetParametersForImport'];
const KEY_USE = /^(?:Encrypt|Decrypt|ReEncrypt|Generate\w+|ExportDataKey|Asymmetric\w+|VerifyMac)$/;

/** What nobody has classified changes something. */
export function callClassOf(product: Product, action: string): CallClass {
  if (NO_READS.includes(action)) return 'mutation';
  if (READ.test(action)) return 'read';
  return product === 'kms' && KEY_USE.test(action) ? 'key-use' : 'mutation';
}
