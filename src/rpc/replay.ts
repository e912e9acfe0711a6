// A signed request is good once, and only near the time that it names.
import { createHash } from 'node:crypto';

import { ApiError } from '../api/errors.ts';
import type { Clock } from '../base/clock.ts';
import { isoSeconds } from '../base/clock.ts';
import type { Step } from './exchange.ts';
import { found } from './exchange.ts';
import type { NonceJournal } from './nonce-journal.ts';

/** How far a timestamp may be from our clock, either way. Source: ECS API reference, "Common parameters". */
export const TIMESTAMP_WINDOW_MS = 15 * 60 * 1000;

/**
 * How long a nonce is remembered at least. A request may be stamped a window ahead of our clock and stays valid for a
 * window after that stamp.
 */
export const NONCE_LIFE_MS = 2 * TIMESTAMP_WINDOW_MS;

/** Of all accounts. About 100 bytes each; only holders of an AccessKey can add one. */
const NONCE_COUNT_MAX = 2_000_000;

export const rejectReplay: Step = (exchange, door) => {
  const { accountId, accessKeyId } = found(exchange.caller);
  door.replayGuard.accept(accessKeyId, found(exchange.timestamp), found(exchange.nonce), accountId);
};

/**
 * Remembers nonces in two generations, each at least NONCE_LIFE_MS long: the current one and the one before. What the
 * journal holds is read back at the start, so that a restart opens no gap.
 */
export class ReplayGuard {
  readonly #clock: Clock;
  readonly #journal: NonceJournal | undefined;
  readonly #nonceCountMax: number;
  #current = new Set<string>();
  /** How many of the current ones each account has. */
  #ofAccount = new Map<string, number>();
  #previous = new Set<string>();
  #currentSinceMs: number;

  /** @param journal without one, a restart forgets the nonces of the last half hour. */
  constructor(clock: Clock, journal?: NonceJournal, nonceCountMax = NONCE_COUNT_MAX) {
    this.#clock = clock;
    this.#journal = journal;
    this.#nonceCountMax = nonceCountMax;
    this.#currentSinceMs = clock.monotonicMs();
    // Read as the previous generation: it lives for one whole generation more, which is at least as long as needed.
    if (journal !== undefined) this.#previous = journal.open(clock.nowMs(), NONCE_LIFE_MS);
  }

  /** @throws {ApiError} the timestamp is malformed or too far off, or this AccessKey has used the nonce. */
  accept(accessKeyId: string, timestamp: string, nonce: string, accountId = accessKeyId): void {
    const nowMs = this.#clock.nowMs();
    if (Math.abs(nowMs - parseTimestamp(timestamp)) > TIMESTAMP_WINDOW_MS) {
      throw new ApiError(
        'InvalidTimeStamp.Expired',
        400,
        `The signature is right, but the request's time ${timestamp} is more than 15 minutes from the server's, which is ${isoSeconds(nowMs)}. Set the client's clock, or sign the request again.`,
      );
    }
    this.#rotate();
    const digest = createHash('sha256').update(`${accessKeyId}\0${nonce}`).digest('base64url').slice(0, 22);
    if (this.#current.has(digest) || this.#previous.has(digest)) {
      throw new ApiError(
        'SignatureNonceUsed',
        400,
        'A request with this signature nonce was answered already. Sign every request with a new nonce.',
      );
    }
    const ofAccount = this.#ofAccount.get(accountId) ?? 0;
    // Half of the room is the most that one account takes, so that it cannot keep out the others.
    if (this.#current.size >= this.#nonceCountMax || ofAccount >= this.#nonceCountMax / 2) {
      throw new ApiError('Throttling', 400, 'There were too many requests in the last half hour. Try again later.', {
        retryAfterMs: 60_000,
      });
    }
    this.#current.add(digest);
    this.#ofAccount.set(accountId, ofAccount + 1);
    this.#journal?.append(digest, nowMs);
  }

  #rotate(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#currentSinceMs < NONCE_LIFE_MS) return;
    this.#previous = this.#current;
    this.#current = new Set();
    this.#ofAccount = new Map();
    this.#currentSinceMs = nowMs;
    this.#journal?.rotate();
  }
}

/** Milliseconds since the epoch of `yyyy-MM-ddTHH:mm:ssZ`. */
function parseTimestamp(timestamp: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/.test(timestamp) ? Date.parse(timestamp) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new ApiError(
    'InvalidTimeStamp.Format',
    400,
    'The time of the request must look like 2026-11-23T08:00:00Z, in UTC.',
  );
}
