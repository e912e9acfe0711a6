/** What rows 1 to 6, 8, 9 and 19 share: one load on several subjects, and what it costs them. */
import type { Line, RatioGoal } from '../line.ts';
import { roundsLine } from '../line.ts';
import { interleave } from '../rounds.ts';
import type { Measured, Sample } from '../rounds.ts';
import { randomSeed } from '../stage.ts';
import type { Context, Stage } from '../stage.ts';
import type { Subject, SubjectId } from '../subjects/subject.ts';
import { OVERWRITE, runWorkload } from '../workloads.ts';
import type { Workload } from '../workloads.ts';

/** The rounds of one workload. What is read must be cached; what peers overwrite in place as well. */
export function workloadRounds(
  context: Context,
  stage: Stage,
  workload: Workload,
  subjects: readonly Subject[],
  seconds: number,
): Promise<Measured> {
  context.say(workload.name);
  const reads = workload.args.some((arg) => arg.includes('read'));
  return interleave(subjects, {
    rounds: context.profile.rounds,
    random: context.random,
    everyone: stage.subjects,
    mustBeCached: (subject) => reads || !('server' in subject),
    measure: (subject) => runWorkload(workload, subject, { seconds, randomSeed: randomSeed(context) }),
  });
}

/** Every block once, in random order. */
export async function overwrite(context: Context, subjects: readonly Subject[]): Promise<void> {
  for (const subject of subjects) {
    context.say(`overwriting ${subject.id} at random`);
    await runWorkload(OVERWRITE, subject, { seconds: 0, randomSeed: randomSeed(context) });
  }
}

export const must = (factor: number, ...peers: SubjectId[]): RatioGoal => ({ level: 'must', factor, peers });
export const aim = (factor: number, ...peers: SubjectId[]): RatioGoal => ({ level: 'aim', factor, peers });

/** Microseconds of the server for 4 KiB. */
export const cpuPerBlock = ({ cpuSeconds, operations4k }: Sample): number => (cpuSeconds / operations4k) * 1e6;

/** Row 19. */
export function cpuLine({ name }: Workload, measured: Measured): Line {
  return roundsLine({
    row: 19,
    workload: `server CPU, ${name}`,
    unit: 'us per 4 KiB',
    us: 'S',
    measured,
    goals: [must(1, 'Q'), aim(0.7, 'Q')],
    better: 'lower',
    value: cpuPerBlock,
  });
}
