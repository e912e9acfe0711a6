// What the front door needs from the rest of the system. main.ts passes the implementations in.
import type { Access, Action, Caller } from '../api/action.ts';
import type { DecidedBy } from '../ram/policy/evaluate.ts';
import type { AuditedCall, CallOutcome } from '../api/audited-call.ts';

/** One AccessKey, with the secret to check signatures with. */
export interface Credential {
  /** The AccessKey secret as text, or as UTF-8 bytes, which the front door overwrites when it has checked the signature. */
  readonly secret: string | Uint8Array;
  readonly caller: Omit<Caller, 'sourceIp' | 'secureTransport'>;
  /** The account's own region, for requests that name none. */
  readonly regionId?: string;
  readonly active: boolean;
  /** A temporary AccessKey that is over: by its time, or because somebody ended it. */
  readonly ended?: 'expired' | 'revoked' | undefined;
}

/** A temporary AccessKey whose security token is not there, is none of ours, or belongs to another AccessKey. */
export interface TokenRefusal {
  readonly token: 'missing' | 'malformed' | 'mismatch';
}

export interface Credentials {
  /**
   * The AccessKey of that id, or undefined when there is none.
   * @param token what came as security token; permanent AccessKeys have none.
   */
  find(accessKeyId: string, token: string | undefined): Promise<Credential | TokenRefusal | undefined>;
}

/** What was decided about one access, and by which statement. None: the account's own right, or nobody's statement. */
export interface AccessDecision {
  readonly access: Access;
  readonly effect: 'Allow' | 'ImplicitDeny' | 'ExplicitDeny';
  readonly by?: DecidedBy;
}

export type AuthorizationDecision =
  | { readonly allowed: true; readonly decisions?: readonly AccessDecision[] }
  | {
      readonly allowed: false;
      /** The first permission that is missing. */
      readonly denied: Access;
      readonly reason: 'ImplicitDeny' | 'ExplicitDeny';
      readonly policyType?: 'SessionPolicy' | 'AccountLevelIdentityBasedPolicy';
      readonly by?: DecidedBy;
      readonly decisions?: readonly AccessDecision[];
      /** How the API calls who was refused. */
      readonly principal?: string;
      /** The reasons, sealed, for whoever may call DecodeDiagnosticMessage. */
      readonly diagnosticMessage?: string;
    };

export interface Authorizer {
  /** Whether `caller` has every permission in `access`. An empty list is allowed. */
  decide(caller: Caller, access: readonly Access[], context: RequestContext): Promise<AuthorizationDecision>;
}

/** What policy conditions can ask about a request. */
export interface RequestContext {
  readonly nowMs: number;
  readonly sourceIp: string;
  readonly secureTransport: boolean;
  /** The tags that the request wants to give to a resource. */
  readonly requestTags?: Readonly<Record<string, string>>;
}

/** Who wants to know that an AccessKey was used. Must cost nothing. */
export interface AccessKeyUses {
  note(accessKeyId: string): void;
}

export type ClientTokenClaim =
  | { readonly state: 'claimed' }
  | { readonly state: 'running'; readonly fingerprint: string }
  | { readonly state: 'answered'; readonly fingerprint: string; readonly answer: string };

/**
 * Remembers which ClientTokens were used, across restarts.
 *
 * An action that creates something should call `answer` itself, inside the transaction that creates it, with
 * `call.idempotencyKey` and `JSON.stringify(output)`: then a crash leaves either both or neither. The front door
 * calls it again afterwards, which must be harmless.
 */
export interface ClientTokenStore {
  /**
   * Takes `key` for one run of an action, atomically and durably, unless it was taken before and has not expired.
   * A claim without an answer that belongs to another `owner` was left by a server that died before it committed
   * anything: it is taken over.
   */
  claim(
    key: string,
    claim: {
      /** Digest of the parameters, to tell a repetition from a misuse. */
      readonly fingerprint: string;
      /** One for each start of the server. */
      readonly owner: string;
      readonly nowMs: number;
      readonly expiresAtMs: number;
    },
  ): Promise<ClientTokenClaim>;
  /** Stores the answer (JSON text) of a claimed key. The first answer stays. */
  answer(key: string, answer: string): Promise<void>;
  /** Forgets a claim whose action was refused. Does nothing when it has an answer. */
  release(key: string): Promise<void>;
}

/** Where every request is recorded before it is answered. */
export interface AuditTrail {
  /** Runs `body` so that what the system does in it can be led back to the request. */
  during<T>(requestId: () => string, body: () => Promise<T>): Promise<T>;
  /**
   * Before the action runs. Has on record, durably, that a call which changes something is about to run.
   * @throws {SystemError} kind `unavailable`: the action must not run.
   */
  begin(call: AuditedCall): Promise<void>;
  /**
   * Before the answer leaves.
   * @param hasBegun `begin` has succeeded.
   * @throws {SystemError} kind `unavailable`: the outcome is not on record as it has to be, and must not be answered.
   */
  end(call: AuditedCall, outcome: CallOutcome, hasBegun: boolean): Promise<void>;
}

/** Every action there is. Order does not matter; a name may occur once a product. */
export type Registry = readonly Action[];
