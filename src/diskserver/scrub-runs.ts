import type { Clock } from '../base/clock.ts';
import { isKind, messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { ScrubOptions, ScrubProgress } from '../block/scrub/scrub.ts';
import type { ScrubReport } from '../block/scrub/scrub-report.ts';
import type { ScrubState } from '../dataplane/data-plane.ts';

/** How many ended scrubs are remembered, the last one of each disk. */
const REMEMBERED_MAX = 1_000;

type Scrubbing = (options: ScrubOptions) => Promise<ScrubReport>;

interface Run {
  state: ScrubState;
  readonly abort: AbortController;
  /** Resolves when it has ended, whichever way; it never rejects. */
  readonly ended: Promise<void>;
}

/** The scrubs of this process: one at a time for each disk. They are forgotten with the process. */
export class ScrubRuns {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #runs = new Map<string, Run>();

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  describe(diskId: string): ScrubState | undefined {
    return this.#runs.get(diskId)?.state;
  }

  isRunning(diskId: string): boolean {
    return this.#runs.get(diskId)?.state.status === 'Running';
  }

  /** @param cleanUp runs when the scrub has ended, whichever way. */
  start(diskId: string, rateBytes: number, scrub: Scrubbing, cleanUp: () => Promise<void>): ScrubState {
    const abort = new AbortController();
    const state: ScrubState = {
      status: 'Running',
      startedMs: this.#clock.nowMs(),
      progress: { slotsDone: 0, slotsTotal: 0, damageCount: 0 },
    };
    const onProgress = (progress: ScrubProgress): void => {
      run.state = { ...run.state, progress };
    };
    const run: Run = {
      state,
      abort,
      ended: this.#settle(diskId, scrub({ rateBytes, signal: abort.signal, onProgress }), cleanUp),
    };
    this.#runs.delete(diskId);
    this.#runs.set(diskId, run);
    for (const [other, { state: old }] of this.#runs) {
      if (this.#runs.size <= REMEMBERED_MAX) break;
      if (old.status !== 'Running') this.#runs.delete(other);
    }
    return state;
  }

  /** Ends the scrub of a disk, if one runs, because `why` has precedence; resolves when it lets go of the disk. */
  async stop(diskId: string, why: string): Promise<void> {
    const run = this.#runs.get(diskId);
    if (run?.state.status !== 'Running') return;
    run.abort.abort(new Error(why));
    await run.ended;
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#runs.keys()].map((diskId) => this.stop(diskId, 'the disk server was stopped')));
  }

  async #settle(diskId: string, scrubbing: Promise<ScrubReport>, cleanUp: () => Promise<void>): Promise<void> {
    let end: Partial<ScrubState>;
    try {
      const report = await scrubbing;
      end = { status: 'Finished', report };
      this.#log.info({ diskId, slots: report.slots, damages: report.damageCount }, 'a disk was scrubbed');
    } catch (error) {
      const wasStopped = this.#runs.get(diskId)?.abort.signal.aborted === true || isKind(error, 'conflict');
      end = { status: wasStopped ? 'Stopped' : 'Failed', reason: messageOf(error) };
      this.#log.warn({ diskId, reason: messageOf(error) }, 'a scrub ended early');
    }
    await cleanUp().catch((error: unknown) =>
      this.#log.warn({ diskId, reason: messageOf(error) }, 'a disk that was scrubbed could not be closed'),
    );
    const run = this.#runs.get(diskId);
    if (run !== undefined) run.state = { ...run.state, ...end, endedMs: this.#clock.nowMs() };
  }
}
