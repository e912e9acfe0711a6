/** Interleaved rounds: in each, every subject is measured once, in an order that the seed decides. */
import { setTimeout as sleep } from 'node:timers/promises';

import { isNoisy, watchNoise } from './noise.ts';
import type { Noise } from './noise.ts';
import { CACHED_PART_MIN, cachedPart, warm } from './page-cache.ts';
import { cpuSeconds } from './proc.ts';
import { must } from './run.ts';
import { shuffled } from './shuffle.ts';
import type { Subject, SubjectId } from './subjects/subject.ts';

export interface Sample {
  /** In the unit of the workload. */
  readonly value: number;
  /** Processor time of the server, and what it was spent on, in operations of 4 KiB. */
  readonly cpuSeconds: number;
  readonly operations4k: number;
  readonly latency?: { readonly median: number; readonly p99: number; readonly p999: number };
  readonly noise: Noise;
  /** Part of the subject's files that was in the page cache, the lower of before and after; 1 when it does not matter. */
  readonly cached: number;
}

export interface Measured {
  readonly samples: Readonly<Partial<Record<SubjectId, readonly Sample[]>>>;
  /** Who went when. */
  readonly order: readonly (readonly SubjectId[])[];
}

export type Measurement = Pick<Sample, 'value' | 'operations4k' | 'latency'>;

export interface RoundsOptions {
  readonly rounds: number;
  readonly random: () => number;
  /** Everything that serves at the same time, idle or not: counted as ours, and left to settle. */
  readonly everyone: readonly Subject[];
  /** Whose files must be in memory before and after. */
  readonly mustBeCached: (subject: Subject) => boolean;
  readonly measure: (subject: Subject, round: number) => Promise<Measurement>;
}

const SETTLE_MS_MAX = 15_000;
const SETTLE_STEP_MS = 100;
/** Two ticks of the kernel's clock: being asked whether it works costs a server something as well. */
const SETTLED_SECONDS = 0.02;

export async function interleave(subjects: readonly Subject[], options: RoundsOptions): Promise<Measured> {
  const samples: Partial<Record<SubjectId, Sample[]>> = {};
  const order: SubjectId[][] = [];
  for (let round = 0; round < options.rounds; round++) {
    const turn = shuffled(subjects, options.random);
    order.push(turn.map(({ id }) => id));
    for (const subject of turn) (samples[subject.id] ??= []).push(await sample(subject, round, options));
  }
  return { samples, order };
}

async function sample(subject: Subject, round: number, options: RoundsOptions): Promise<Sample> {
  const cacheMatters = options.mustBeCached(subject);
  await settle(options.everyone, subject);
  if (cacheMatters) await warm(subject.files());
  const cachedBefore = cacheMatters ? await cachedPart(subject.files()) : 1;
  const endWatch = watchNoise(options.everyone.map(({ pid }) => pid));
  const cpuBefore = cpuSeconds(subject.pid);
  const measurement = await options.measure(subject, round);
  const cpu = cpuSeconds(subject.pid) - cpuBefore;
  const noise = endWatch();
  const cachedAfter = cacheMatters ? await cachedPart(subject.files()) : 1;
  return { ...measurement, cpuSeconds: cpu, noise, cached: Math.min(cachedBefore, cachedAfter) };
}

/** Nobody pays for what somebody before left to be done: servers become idle, and what waits to be written is. */
async function settle(everyone: readonly Subject[], next: Subject): Promise<void> {
  await must('sync', ['--file-system', next.folder]);
  const busy = (): number => everyone.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
  const end = performance.now() + SETTLE_MS_MAX;
  for (let before = busy(); performance.now() < end;) {
    await sleep(SETTLE_STEP_MS);
    const now = busy();
    const working = await Promise.all(everyone.map((subject) => subject.isWorking?.() ?? Promise.resolve(false)));
    if (now - before < SETTLED_SECONDS && !working.includes(true)) return;
    before = now;
  }
}

/** What voids numbers of these rounds; empty when nothing does. More than half of a subject's rounds decide. */
export function flawsOf({ samples }: Measured): string[] {
  const disturbed: string[] = [];
  const cold: string[] = [];
  let worst = 0;
  for (const [id, rounds] of Object.entries(samples)) {
    const noisy = rounds.filter(({ noise }) => isNoisy(noise));
    if (noisy.length * 2 > rounds.length) disturbed.push(id);
    worst = Math.max(worst, ...rounds.map(({ noise }) => noise.foreign + noise.steal));
    if (rounds.some(({ cached }) => cached < CACHED_PART_MIN)) cold.push(id);
  }
  const percent = Math.round(worst * 100);
  return [
    ...(disturbed.length > 0 ? [`others used up to ${percent} % of the machine (${disturbed.join(', ')})`] : []),
    ...(cold.length > 0 ? [`not all in the page cache (${cold.join(', ')})`] : []),
  ];
}
