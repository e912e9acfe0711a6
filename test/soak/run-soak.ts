/** Takes parts in turns, each in a process of its own, until the time is over; a failure does not stop it. */
import { fork } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

import { addCounts } from './part.ts';
import type { Told } from './worker.ts';

export interface SoakOptions {
  /** A module that exports `PARTS`. */
  readonly module: string;
  readonly parts: readonly { readonly name: string; readonly secondsMax?: number }[];
  readonly seconds: number;
  readonly seed: number;
  /** Parts at the same time. */
  readonly jobs: number;
  /** How long a part keeps its turn. */
  readonly turnSeconds: number;
  /** At most this many seeds of each part; to repeat one. */
  readonly seeds?: number;
  /** Ends the soak early, with a summary. */
  readonly signal?: AbortSignal;
  readonly onFailure?: (part: string, failure: SoakFailure) => void;
}

export interface SoakFailure {
  readonly seed: number;
  readonly message: string;
}

export interface PartSummary {
  readonly name: string;
  seeds: number;
  seconds: number;
  readonly counts: Record<string, number>;
  readonly failures: SoakFailure[];
}

export interface SoakSummary {
  readonly seed: number;
  readonly seconds: number;
  readonly parts: readonly PartSummary[];
}

const SECONDS_MAX = 180;
/** A part that fails on every seed says so a few times and then loses its turns. */
const FAILURES_MAX = 20;

export async function runSoak(options: SoakOptions): Promise<SoakSummary> {
  const started = performance.now();
  const elapsed = (): number => (performance.now() - started) / 1_000;
  const parts = options.parts.map(({ name, secondsMax = SECONDS_MAX }) => ({
    secondsMax,
    next: options.seed,
    busy: false,
    turns: 0,
    summary: { name, seeds: 0, seconds: 0, counts: {}, failures: [] } satisfies PartSummary as PartSummary,
  }));
  const end = options.seed + (options.seeds ?? Infinity);
  const isOver = (): boolean => elapsed() >= options.seconds || options.signal?.aborted === true;

  const job = async (): Promise<void> => {
    while (!isOver()) {
      const open = parts.filter(({ next, summary }) => next < end && summary.failures.length < FAILURES_MAX);
      const [part] = open.filter(({ busy }) => !busy).toSorted((a, b) => a.turns - b.turns);
      if (open.length === 0) return;
      if (part === undefined) {
        await sleep(200);
        continue;
      }
      part.busy = true;
      part.turns += 1;
      const from = performance.now();
      const seconds = Math.max(1, Math.min(options.turnSeconds, options.seconds - elapsed()));
      part.next = await takeTurn(options, part.summary, part.next, seconds, part.secondsMax, end - part.next);
      part.summary.seconds += (performance.now() - from) / 1_000;
      part.busy = false;
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, job));
  return { seed: options.seed, seconds: elapsed(), parts: parts.map(({ summary }) => summary) };
}

/** Answers the first seed that was not run. */
function takeTurn(
  options: SoakOptions,
  summary: PartSummary,
  first: number,
  seconds: number,
  secondsMax: number,
  seeds: number,
): Promise<number> {
  const args = [options.module, summary.name, String(first), String(seconds), String(seeds)];
  const child = fork(path.join(import.meta.dirname, 'worker.ts'), args, {
    execArgv: ['--disable-warning=ExperimentalWarning', '--expose-gc'],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // A group of its own, so that what the part started ends with it.
    detached: true,
  });
  const end = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It is gone already.
    }
  };
  options.signal?.addEventListener('abort', end);
  let complaint = '';
  child.stderr?.on('data', (data: Buffer) => (complaint = (complaint + data.toString()).slice(-4_000)));
  const fail = (seed: number, message: string): void => {
    const failure = { seed, message };
    summary.failures.push(failure);
    options.onFailure?.(summary.name, failure);
  };
  let running: number | undefined;
  let next = first;
  let hung = false;
  const watch = (): NodeJS.Timeout =>
    setTimeout(() => {
      hung = true;
      end();
    }, secondsMax * 1_000);
  let timer = watch();
  child.on('message', (told: Told) => {
    clearTimeout(timer);
    timer = watch();
    if ('begins' in told) {
      running = told.begins;
      return;
    }
    running = undefined;
    next = told.seed + 1;
    summary.seeds += 1;
    if ('counts' in told) addCounts(summary.counts, told.counts);
    else fail(told.seed, told.failure);
  });
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', end);
      if (hung) fail(running ?? next, `no result in ${secondsMax} s`);
      else if (code !== 0 && options.signal?.aborted !== true)
        fail(running ?? next, `the process ended with ${signal ?? code}: ${complaint}`);
      resolve(Math.max(next, (running ?? next - 1) + 1));
    });
  });
}
