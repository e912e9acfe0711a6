// Slows whoever guesses secrets, without keeping out whoever has one.
// Why it is made like this: docs/decisions/0031-guessing.md.
import type { Product } from '../api/action.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { throttled } from './throttled.ts';
import { TokenBuckets } from './token-buckets.ts';
import type { Rate } from './token-buckets.ts';

export interface GuessLimits {
  /** Wrong signatures for one AccessKey from one address that are answered at once; one more each `perSecond`. */
  readonly free: Rate;
  /** How long the answer to a further one takes. */
  readonly delayMs: number;
  /** Answers that are held back at one time, of all addresses. */
  readonly waitingMax: number;
}

export const DEFAULT_GUESS_LIMITS: GuessLimits = {
  free: { burst: 20, perSecond: 0.1 },
  delayMs: 1_000,
  // A quarter of the requests that the server answers at one time.
  waitingMax: 64,
};

/** How long a right signature speaks for its address. */
const PROOF_LIFE_MS = 24 * 60 * 60 * 1000;
const PROOFS_MAX = 10_000;
/** A flood must not fill the log as well. */
const TELL_EVERY_MS = 60_000;

/** One signature under examination. */
export interface Guess {
  /** The signature is right. */
  right(): void;
  /** It is wrong: settles when that may be told. @throws {ApiError} too many are held back already. */
  wrong(): Promise<void>;
}

export class GuessGuard {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #limits: GuessLimits;
  readonly #buckets: TokenBuckets;
  /** Pairs of address and AccessKey that have signed rightly, and when; the oldest first. */
  readonly #proofs = new Map<string, number>();
  #waiting = 0;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, log: Logger, limits: GuessLimits) {
    this.#clock = clock;
    this.#log = log;
    this.#limits = limits;
    this.#buckets = new TokenBuckets(clock);
  }

  /**
   * Before a signature is looked at.
   * @param accessKeyId undefined: one that does not exist.
   * @throws {ApiError} this address has sent too many wrong signatures for it, and never a right one.
   */
  begin(sourceIp: string, accessKeyId: string | undefined, product: Product | undefined): Guess {
    const pair = `${network(sourceIp)} ${accessKeyId ?? ''}`;
    if (this.#isCrowded() && this.#buckets.waitMs(pair) > 0 && !this.#isProven(pair)) throw this.#tooMany(product);
    return {
      right: () => this.#prove(pair),
      wrong: async () => {
        if (this.#buckets.take(pair, this.#limits.free) === 0) return;
        if (this.#isCrowded()) throw this.#tooMany(product);
        this.#tell(sourceIp, accessKeyId);
        await this.#holdBack();
      },
    };
  }

  /** Holds a place for the whole time, also when the client goes away: hanging up must not make guessing faster. */
  async #holdBack(): Promise<void> {
    this.#waiting += 1;
    try {
      await this.#clock.sleep(this.#limits.delayMs);
    } finally {
      this.#waiting -= 1;
    }
  }

  #tell(sourceIp: string, accessKeyId: string | undefined): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#toldMs + TELL_EVERY_MS) return;
    this.#toldMs = nowMs;
    const fields = { sourceIp, accessKeyId };
    this.#log.warn(fields, 'many wrong signatures come from this address: their answers are held back');
  }

  #isCrowded(): boolean {
    return this.#waiting >= this.#limits.waitingMax;
  }

  #tooMany(product: Product | undefined): Error {
    return throttled(product, 'User', this.#limits.delayMs, 'Too many wrong signatures come from this address.');
  }

  #isProven(pair: string): boolean {
    const provenMs = this.#proofs.get(pair);
    return provenMs !== undefined && this.#clock.monotonicMs() - provenMs < PROOF_LIFE_MS;
  }

  #prove(pair: string): void {
    this.#proofs.delete(pair);
    this.#proofs.set(pair, this.#clock.monotonicMs());
    if (this.#proofs.size <= PROOFS_MAX) return;
    const [oldest] = this.#proofs.keys();
    if (oldest !== undefined) this.#proofs.delete(oldest);
  }
}

/** Who has one IPv6 address usually has the 2^64 around it as well. */
function network(sourceIp: string): string {
  if (!sourceIp.includes(':')) return sourceIp;
  const [head = '', tail = ''] = sourceIp.split('::');
  const groups = head.split(':').filter(Boolean);
  const missing = 8 - groups.length - tail.split(':').filter(Boolean).length;
  const all = sourceIp.includes('::')
    ? [...groups, ...Array.from({ length: missing }, () => '0'), ...tail.split(':')]
    : groups;
  return all.slice(0, 4).join(':');
}
