// A journal under a key that tests know, on files in memory or on the real ones.
import type { AuditKey } from '../../src/audit/audit-key.ts';
import type { AuditEvent } from '../../src/audit/events.ts';
import { AuditJournal } from '../../src/audit/journal.ts';
import type { JournalLimits } from '../../src/audit/journal.ts';
import type { LogFiles } from '../../src/audit/log-files.ts';
import { verifyLog } from '../../src/audit/verify.ts';
import type { Verification } from '../../src/audit/verify.ts';
import type { Anchor } from '../../src/audit/anchor.ts';
import type { Clock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';

export const DIRECTORY = '/audit';

export const KEY: AuditKey = {
  logId: '00112233-4455-4677-8899-aabbccddeeff',
  macKey: Uint8Array.from({ length: 32 }, (_, i) => i),
  [Symbol.dispose]: () => undefined,
};

/** Stands still until a test moves it; what is due now and then is done when a test says so. */
export class StillClock implements Clock {
  ms = Date.UTC(2026, 10, 24, 8);
  readonly #ticks = new Set<() => void>();
  nowMs(): number {
    return this.ms;
  }
  monotonicMs(): number {
    return this.ms;
  }
  sleep(): Promise<void> {
    return Promise.reject(new Error('nobody sleeps here'));
  }
  every(_ms: number, tick: () => void): Disposable {
    this.#ticks.add(tick);
    return { [Symbol.dispose]: () => void this.#ticks.delete(tick) };
  }
  tick(): void {
    for (const tick of this.#ticks) tick();
  }
}

export interface TestJournal {
  readonly journal: AuditJournal;
  readonly clock: StillClock;
}

export function openJournal(
  files: LogFiles,
  limits: Partial<JournalLimits> = {},
  clock = new StillClock(),
  directory = DIRECTORY,
): TestJournal {
  return { journal: AuditJournal.open({ files, directory, key: KEY, clock, log: silentLogger, limits }), clock };
}

/** A small record that tests find again by its name. */
export function event(name: string): AuditEvent {
  return { kind: 'admin', operation: name, outcome: 'done' };
}

export const STOP: AuditEvent = { kind: 'stop', program: 'test', pid: 1 };

export function verify(files: LogFiles, anchors: readonly Anchor[] = [], directory = DIRECTORY): Promise<Verification> {
  return verifyLog({ files, directory, key: KEY, anchors });
}
