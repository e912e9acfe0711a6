import type { Clock } from '../base/clock.ts';
import type { AuditEvent } from './events.ts';

type Refusals = Extract<AuditEvent, { kind: 'refusals' }>;

/** Records of their own for refused requests of unknown callers, in a minute. */
const RECORDS_MAX = 30;
const WINDOW_MS = 60_000;
/** Addresses that are counted one by one; all others together. */
const SOURCES_MAX = 16;

/**
 * Whoever has no AccessKey must not be able to fill the disk: the first refusals of a minute have a record each, the
 * others are counted in one. That is less than 30 MB a day, however many there are.
 */
export class RefusalLimiter {
  readonly #clock: Clock;
  #windowStartMs: number;
  #records = 0;
  #counted: { count: number; codes: Map<string, number>; sources: Map<string, number> } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#windowStartMs = clock.monotonicMs();
  }

  /** Whether this refusal gets a record; if not, it is counted. */
  admit(code: string, sourceIp: string): boolean {
    if (this.#records < RECORDS_MAX) {
      this.#records += 1;
      return true;
    }
    this.#counted ??= { count: 0, codes: new Map(), sources: new Map() };
    this.#counted.count += 1;
    increment(this.#counted.codes, code);
    const { sources } = this.#counted;
    increment(sources, sources.has(sourceIp) || sources.size < SOURCES_MAX ? sourceIp : 'others');
    return false;
  }

  /** What was counted, once its minute is over. To be asked now and then; `now` asks before the minute is over. */
  due(now: 'when over' | 'now'): Refusals | undefined {
    const elapsedMs = this.#clock.monotonicMs() - this.#windowStartMs;
    if (elapsedMs < WINDOW_MS && now === 'when over') return undefined;
    const counted = this.#counted;
    this.#windowStartMs += elapsedMs;
    this.#records = 0;
    this.#counted = undefined;
    if (counted === undefined) return undefined;
    return {
      kind: 'refusals',
      from: new Date(this.#clock.nowMs() - elapsedMs).toISOString(),
      count: counted.count,
      codes: Object.fromEntries(counted.codes),
      sources: Object.fromEntries(counted.sources),
    };
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/**
 * What somebody without a secret, or an account above its rate, can send as fast as the network carries has no record each:
 * requests that were signed once and are sent again, and those that are throttled, as each product calls it.
 */
export function comesInAnyNumber(code: string): boolean {
  return /^(?:SignatureNonceUsed|InvalidTimeStamp\.Expired|(?:Rejected\.)?Throttling(?:\..+)?)$/.test(code);
}
