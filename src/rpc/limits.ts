import type { GuessLimits } from './guess-guard.ts';
import { DEFAULT_GUESS_LIMITS } from './guess-guard.ts';
import type { RequestRates } from './limit-rate.ts';
import { DEFAULT_REQUEST_RATES } from './limit-rate.ts';

/** What one client, or all of them, may cost. */
export interface RpcLimits {
  /** Request line and headers. Large, because current SDKs put all parameters into the query. */
  readonly headerBytesMax: number;
  readonly bodyBytesMax: number;
  /** Until the headers have arrived. */
  readonly headersMs: number;
  /** Until the whole request has arrived. */
  readonly requestMs: number;
  /** How often the two times are checked. */
  readonly checkMs: number;
  /** Until a connection without a request is closed. */
  readonly keepAliveMs: number;
  readonly connectionsMax: number;
  /** Requests that are being answered at one time. */
  readonly requestsMax: number;
  /** How many requests one account may make. */
  readonly rates: RequestRates;
  /** How many wrong signatures are answered, and how fast. */
  readonly guesses: GuessLimits;
}

export const DEFAULT_RPC_LIMITS: RpcLimits = {
  // A policy document of 6,144 characters takes up to 9 bytes a character in a query.
  headerBytesMax: 128 * 1024,
  bodyBytesMax: 512 * 1024,
  headersMs: 10_000,
  requestMs: 30_000,
  checkMs: 1_000,
  keepAliveMs: 60_000,
  connectionsMax: 1024,
  requestsMax: 256,
  rates: DEFAULT_REQUEST_RATES,
  guesses: DEFAULT_GUESS_LIMITS,
};
