import type { Clock } from '../base/clock.ts';

/** How much one key may take: so many at once, and then so many a second. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
  readonly rate: Rate;
}

/** About 150 bytes each. */
const BUCKETS_MAX = 10_000;

/**
 * A bucket of tokens for each key. Each starts full and fills again with time. A full bucket is the same as none, so full
 * ones are forgotten first; beyond the bound it is the one that was asked the longest ago.
 */
export class TokenBuckets {
  readonly #clock: Clock;
  readonly #bucketsMax: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, bucketsMax = BUCKETS_MAX) {
    this.#clock = clock;
    this.#bucketsMax = bucketsMax;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes one token. Answers 0, or without taking anything how many milliseconds it is until there is one. */
  take(key: string, rate: Rate): number {
    const bucket = this.#filled(key, rate);
    const waitMs = this.#wait(bucket);
    if (waitMs === 0) bucket.tokens -= 1;
    return waitMs;
  }

  /** How many milliseconds it is until there is a token; 0 when there is one. Takes nothing. */
  waitMs(key: string): number {
    const bucket = this.#buckets.get(key);
    return bucket === undefined ? 0 : this.#wait(refilled(bucket, this.#clock.monotonicMs()));
  }

  #wait({ tokens, rate }: Bucket): number {
    const missing = 1 - tokens;
    // Rounding of fractions must not make it a millisecond more, nor miss a token by a hair after it.
    return missing < 1e-6 ? 0 : Math.max(1, Math.ceil((missing / rate.perSecond) * 1000 - 1e-6));
  }

  #filled(key: string, rate: Rate): Bucket {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#buckets.get(key);
    const bucket = known === undefined ? { tokens: rate.burst, atMs: nowMs, rate } : refilled(known, nowMs);
    // To the end of the map: the order is that of the last use.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.#bucketsMax) this.#forget(nowMs);
    return bucket;
  }

  /** Makes room for a tenth, so that the whole map is looked through once in a while and not each time. */
  #forget(nowMs: number): void {
    for (const [key, bucket] of this.#buckets) {
      if (refilled(bucket, nowMs).tokens >= bucket.rate.burst) this.#buckets.delete(key);
    }
    for (const key of this.#buckets.keys()) {
      if (this.#buckets.size <= this.#bucketsMax * 0.9) break;
      this.#buckets.delete(key);
    }
  }
}

function refilled({ tokens, atMs, rate }: Bucket, nowMs: number): Bucket {
  const gained = ((nowMs - atMs) / 1000) * rate.perSecond;
  return { tokens: Math.min(rate.burst, tokens + gained), atMs: nowMs, rate };
}
