// How many requests an account may make, in all and of one operation.
import type { Product } from '../api/action.ts';
import type { Clock } from '../base/clock.ts';
import type { Step } from './exchange.ts';
import { found } from './exchange.ts';
import { throttled } from './throttled.ts';
import { TokenBuckets } from './token-buckets.ts';
import type { Rate } from './token-buckets.ts';

/** Requests a second of one account; what it did not use in ten seconds it may use at once. 0: as many as it likes. */
export interface RequestRates {
  /** All operations together. */
  readonly accountPerSecond: number;
  /** Each single operation. */
  readonly operationPerSecond: number;
}

/** More than a test suite does; a loop that has run wild is slowed. */
export const DEFAULT_REQUEST_RATES: RequestRates = { accountPerSecond: 2_000, operationPerSecond: 1_000 };

/** Where the vendor documents a number for one operation. Source: RAM documentation, "FAQ about RAM roles and STS tokens". */
const DOCUMENTED_PER_SECOND: Readonly<Record<string, number>> = { 'sts/AssumeRole': 100 };

const BURST_SECONDS = 10;

export class RateLimiter {
  readonly #buckets: TokenBuckets;
  readonly #rates: RequestRates;

  constructor(clock: Clock, rates: RequestRates) {
    this.#buckets = new TokenBuckets(clock);
    this.#rates = rates;
  }

  /** @throws {ApiError} too many requests; this one counts as none then. */
  admit(accountId: string, product: Product, operation: string): void {
    const { accountPerSecond, operationPerSecond } = this.#rates;
    const accountWaitMs = this.#buckets.waitMs(accountId);
    if (accountWaitMs > 0) throw throttled(product, 'User', accountWaitMs, 'This account sends too many requests.');
    const name = `${product}/${operation}`;
    const ofOperation = operationPerSecond === 0 ? 0 : (DOCUMENTED_PER_SECOND[name] ?? operationPerSecond);
    const operationWaitMs = this.#take(`${accountId}/${name}`, ofOperation);
    if (operationWaitMs > 0)
      throw throttled(product, 'Api', operationWaitMs, `This account calls ${operation} too often.`);
    this.#take(accountId, accountPerSecond);
  }

  #take(key: string, perSecond: number): number {
    if (perSecond === 0) return 0;
    const rate: Rate = { perSecond, burst: perSecond * BURST_SECONDS };
    return this.#buckets.take(key, rate);
  }
}

export const limitRate: Step = (exchange, door) => {
  const { accountId } = found(exchange.caller);
  door.rateLimiter.admit(accountId, found(exchange.product), found(exchange.actionName));
};
