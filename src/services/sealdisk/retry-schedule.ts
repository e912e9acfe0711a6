import type { Clock } from '../../base/clock.ts';
import type { ExportState } from '../../metadata/exports.ts';

type WaitingState = Exclude<ExportState, 'Serving'>;

/** First pause and longest one. A key is asked for at a steady pace: its owner waits for it to work again. */
const PAUSES: Readonly<Record<WaitingState, { readonly firstMs: number; readonly maximumMs: number }>> = {
  Reopening: { firstMs: 1_000, maximumMs: 30_000 },
  KeyUnavailable: { firstMs: 5_000, maximumMs: 5_000 },
  Quarantined: { firstMs: 60_000, maximumMs: 3_600_000 },
};

interface Entry {
  reason: WaitingState | undefined;
  dueMs: number;
  pauseMs: number;
  strikes: number;
}

/** When each export that does not serve is tried again; kept in memory, so a restart tries all of them at once. */
export class RetrySchedule {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  exportIds(): readonly string[] {
    return [...this.#entries.keys()];
  }

  isDue(exportId: string): boolean {
    const entry = this.#entries.get(exportId);
    return entry?.reason !== undefined && entry.dueMs <= this.#clock.monotonicMs();
  }

  reason(exportId: string): WaitingState | undefined {
    return this.#entries.get(exportId)?.reason;
  }

  /** Tries again after a pause that doubles each time for the same reason. */
  later(exportId: string, reason: WaitingState): void {
    const entry = this.#entry(exportId);
    const { firstMs, maximumMs } = PAUSES[reason];
    entry.pauseMs = entry.reason === reason ? Math.min(entry.pauseMs * 2, maximumMs) : firstMs;
    entry.reason = reason;
    entry.dueMs = this.#clock.monotonicMs() + entry.pauseMs;
  }

  /** How often the disk server was lost while it opened this export. */
  strikes(exportId: string): number {
    return this.#entries.get(exportId)?.strikes ?? 0;
  }

  strike(exportId: string): void {
    this.#entry(exportId).strikes += 1;
  }

  pardon(exportId: string): void {
    this.#entry(exportId).strikes = 0;
  }

  forget(exportId: string): void {
    this.#entries.delete(exportId);
  }

  #entry(exportId: string): Entry {
    const entry = this.#entries.get(exportId) ?? { reason: undefined, dueMs: 0, pauseMs: 0, strikes: 0 };
    this.#entries.set(exportId, entry);
    return entry;
  }
}
