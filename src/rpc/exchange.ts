// One request on its way through the pipeline: what arrived, and what the steps have found out so far.
import type { Access, Action, Call, Caller, Product } from '../api/action.ts';
import type { ActionDescription } from '../api/description.ts';
import type { Body } from '../api/encode.ts';
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { GuessGuard } from './guess-guard.ts';
import type { RateLimiter } from './limit-rate.ts';
import type {
  AccessKeyUses,
  AuditTrail,
  AuthorizationDecision,
  Authorizer,
  ClientTokenStore,
  Credentials,
} from './ports.ts';
import type { ReplayGuard } from './replay.ts';

/** What arrived, before anything was believed. */
export interface HttpRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** What followed `?`, as it was sent. */
  readonly rawQuery: string;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly sourceIp: string;
  readonly secureTransport: boolean;
}

export interface Exchange {
  /** server.ts puts the body in when it has been read. */
  http: HttpRequest;
  /** A UUID in lower case; `requestIdOf` gives the form that the product shows. */
  readonly uuid: string;
  readonly signal: AbortSignal;

  // readParameters
  parameters?: ReadonlyMap<string, string>;
  query?: ReadonlyMap<string, string>;
  style?: 'V1' | 'V3';
  product?: Product;
  format?: 'JSON' | 'XML';
  actionName?: string;
  // verifySignature
  caller?: Caller;
  accountRegionId?: string | undefined;
  timestamp?: string;
  nonce?: string;
  // resolveAction
  action?: Action;
  description?: ActionDescription;
  // decodeCall
  call?: Call<never>;
  /** What is wrong with the parameters. Told only to a caller who may make this call. */
  problem?: Error | undefined;
  // authorize
  access?: readonly Access[];
  decision?: AuthorizationDecision;
  // recordBeginning
  hasBegun?: boolean;
  // runAction
  body?: Body;
}

/** What all requests share. */
export interface FrontDoor {
  readonly clock: Clock;
  readonly credentials: Credentials;
  readonly authorizer: Authorizer;
  readonly accessKeyUses?: AccessKeyUses | undefined;
  readonly clientTokens: ClientTokenStore;
  readonly audit: AuditTrail;
  readonly replayGuard: ReplayGuard;
  readonly guesses: GuessGuard;
  readonly rateLimiter: RateLimiter;
  /** One for each start of the server. */
  readonly owner: string;
  readonly defaultRegion: string;
  /** The implementation of an operation, if this server has one. */
  findAction(product: Product, name: string): Action | undefined;
}

/** One step of the pipeline. Throws an ApiError to refuse the request. */
export type Step = (exchange: Exchange, door: FrontDoor) => Promise<void> | void;

/** What an earlier step has set. */
export function found<T>(value: T | undefined): T {
  assert(value !== undefined, 'the steps of the pipeline are out of order');
  return value;
}

/** KMS shows request ids in lower case, the others in upper case. */
export function requestIdOf(exchange: Pick<Exchange, 'uuid' | 'product'>): string {
  return exchange.product === 'kms' ? exchange.uuid : exchange.uuid.toUpperCase();
}
