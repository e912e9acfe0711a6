/** The date of a data directory: the real one, or one that tests put forward. */
import type { Clock } from './base/clock.ts';
import { SystemError } from './base/errors.ts';
import { MovedClock } from './base/moved-clock.ts';
import type { Database } from './metadata/database.ts';
import { findSetting, putSetting } from './metadata/settings.ts';

/** How far ahead the clock is, in milliseconds, as a decimal number. Absent: it was never moved. */
const SETTING = 'test-clock-ahead-ms';
const DAY_MS = 24 * 60 * 60 * 1000;
const AHEAD_DAYS_MAX = 36_500;

/** What everything that waits asks for the time. */
export interface ServerClock {
  readonly clock: Clock;
  /** Only with a test clock. */
  readonly test?: TestClock;
}

/** A clock that is put forward and never back, also across restarts. */
export class TestClock {
  readonly clock: MovedClock;
  readonly #database: Database;

  constructor(database: Database, clock: MovedClock) {
    this.#database = database;
    this.clock = clock;
  }

  /**
   * Durable before anybody sees the new time: what is destroyed under it stays destroyed, so it must not go back.
   * @throws {SystemError} kind `invalid`, code `CLOCK_TOO_FAR`.
   */
  async advance(ms: number): Promise<void> {
    if (!Number.isSafeInteger(ms) || ms <= 0 || this.clock.aheadMs + ms > AHEAD_DAYS_MAX * DAY_MS) {
      throw new SystemError(
        'invalid',
        'CLOCK_TOO_FAR',
        `the clock goes forward, by ${AHEAD_DAYS_MAX} days in all at most`,
      );
    }
    await this.#database.transact((transaction) => putSetting(transaction, SETTING, String(this.clock.aheadMs + ms)));
    this.clock.moveForward(ms);
  }
}

/**
 * The clock of a server. A data directory whose clock was moved stays one for tests: under the real time its tokens
 * would live longer than they should, and its dates would lie in the future.
 * @throws {SystemError} kind `conflict`, code `CLOCK_WAS_MOVED`.
 */
export async function openServerClock(database: Database, real: Clock, isTest: boolean): Promise<ServerClock> {
  const clock = await clockOf(database, real);
  if (isTest) return { clock, test: new TestClock(database, clock) };
  if (clock.aheadMs === 0) return { clock: real };
  throw new SystemError(
    'conflict',
    'CLOCK_WAS_MOVED',
    `the clock of this data directory was put ${describeAhead(clock.aheadMs)} for tests; start it with --test-clock, or use another directory with --data-dir`,
  );
}

/** The date in a data directory, for commands that work on one without a server. */
export async function clockOf(database: Database, real: Clock): Promise<MovedClock> {
  return new MovedClock(real, Number((await findSetting(database.read, SETTING)) ?? 0));
}

/** `8 days ahead`, `36 hours ahead` */
export function describeAhead(ms: number): string {
  if (ms % DAY_MS === 0) return `${ms / DAY_MS} days ahead`;
  const [count, unit] = ms >= 3_600_000 ? [ms / 3_600_000, 'hours'] : [ms / 60_000, 'minutes'];
  return `${Number(count.toFixed(1))} ${unit} ahead`;
}
