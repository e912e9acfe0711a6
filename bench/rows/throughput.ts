/** Rows 1 to 6, 8 and 19: one server, one client, one disk. */
import type { Line, RatioGoal } from '../line.ts';
import { roundsLine } from '../line.ts';
import { interleave } from '../rounds.ts';
import type { Measured, Sample } from '../rounds.ts';
import { randomSeed, Stage } from '../stage.ts';
import type { Context } from '../stage.ts';
import type { Subject, SubjectId } from '../subjects/subject.ts';
import {
  FLUSHED_WRITE,
  FLUSHED_WRITES,
  OVERWRITE,
  RANDOM_READ,
  RANDOM_READ_ALONE,
  RANDOM_WRITE,
  runWorkload,
  SEQUENTIAL_READ,
  SEQUENTIAL_WRITE,
  verifyData,
} from '../workloads.ts';
import type { Workload } from '../workloads.ts';

export const THROUGHPUT_ROWS = [1, 2, 3, 4, 5, 6, 8, 19] as const;

const must = (factor: number, ...peers: SubjectId[]): RatioGoal => ({ level: 'must', factor, peers });
const aim = (factor: number, ...peers: SubjectId[]): RatioGoal => ({ level: 'aim', factor, peers });
const cpuPerOperation = ({ cpuSeconds, operations4k }: Sample): number => (cpuSeconds / operations4k) * 1e6;

export async function throughputRows(context: Context): Promise<Line[]> {
  const { profile, wanted } = context;
  const wants = (...rows: number[]): boolean => rows.some((row) => wanted.has(row));
  const lines: Line[] = [];
  const steady = wants(1, 8, 19);
  const oneStage = profile.sizeBytes === profile.steadySizeBytes;
  const ids: SubjectId[] = ['S', ...(wants(8) ? (['S4'] as const) : []), 'Q', 'K'];
  if (wants(2, 3, 4, 5, 6, 8, 19)) {
    const more: SubjectId[] = [...(wants(2, 5) ? (['R'] as const) : []), ...(wants(4) ? (['F'] as const) : [])];
    await using stage = await Stage.open(context, [...ids, ...more], profile.sizeBytes);
    lines.push(...(await basicRows(context, stage)));
    if (oneStage && steady) lines.push(...(await steadyRows(context, stage)));
    await verify(context, stage);
  }
  if (steady && !(oneStage && lines.length > 0)) {
    await using stage = await Stage.open(context, ids, profile.steadySizeBytes);
    lines.push(...(await steadyRows(context, stage)));
    await verify(context, stage);
  }
  return lines;
}

async function verify(context: Context, stage: Stage): Promise<void> {
  for (const subject of stage.subjects) {
    context.say(`verifying data of ${subject.id}`);
    await verifyData(subject);
  }
}

/** The rounds of one workload. What is read must be cached; what peers overwrite in place as well. */
function rounds(
  context: Context,
  stage: Stage,
  workload: Workload,
  subjects: readonly Subject[],
  seconds = context.profile.seconds,
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

async function basicRows(context: Context, stage: Stage): Promise<Line[]> {
  const { wanted } = context;
  const lines: Line[] = [];
  const add = async (
    row: number,
    workload: Workload,
    ids: readonly SubjectId[],
    goals: readonly RatioGoal[],
    name = workload.name,
  ): Promise<Measured> => {
    const measured = await rounds(context, stage, workload, stage.pick(...ids));
    if (wanted.has(row)) {
      const { unit } = workload;
      lines.push(roundsLine({ row, workload: name, unit, us: 'S', measured, goals }));
    }
    return measured;
  };
  if (wanted.has(6)) {
    const goals = [must(1.2, 'K'), aim(1.6, 'K')];
    await add(6, SEQUENTIAL_READ, ['S', 'Q', 'K'], goals, `${SEQUENTIAL_READ.name}, laid out in order`);
  }
  if (wanted.has(5) || wanted.has(8)) {
    const ids: SubjectId[] = ['S', 'S4', 'Q', 'K', 'R'];
    const measured = await add(5, SEQUENTIAL_WRITE, ids, [must(1.5, 'Q', 'K'), aim(2.5, 'Q', 'K')]);
    if (wanted.has(8)) {
      const { name, unit } = SEQUENTIAL_WRITE;
      lines.push(roundsLine({ row: 8, workload: `SM4 disk: ${name}`, unit, us: 'S4', measured, goals: [] }));
    }
  }
  if (wanted.has(2) || wanted.has(19)) {
    const goals = [must(1.8, 'Q', 'K'), aim(2.3, 'Q', 'K'), aim(1.5, 'R')];
    const measured = await add(2, RANDOM_READ, ['S', 'Q', 'K', 'R'], goals);
    if (wanted.has(19)) lines.push(cpuLine(RANDOM_READ, measured));
  }
  if (wanted.has(3)) await add(3, RANDOM_READ_ALONE, ['S', 'Q', 'K'], [must(0.9, 'K'), aim(1, 'K')]);
  if (wanted.has(4)) {
    const ids: SubjectId[] = ['S', 'Q', 'K', 'F'];
    await add(4, FLUSHED_WRITE, ids, [must(1, 'Q'), must(0.8, 'K'), aim(1, 'K')]);
    await add(4, FLUSHED_WRITES, ids, [must(1.2, 'K'), aim(1.7, 'K')]);
  }
  if (wanted.has(6)) {
    await overwrite(context, stage.pick('S', 'Q', 'K'));
    const goals = [must(1.2, 'Q'), aim(0.8, 'K')];
    await add(6, SEQUENTIAL_READ, ['S', 'Q', 'K'], goals, `${SEQUENTIAL_READ.name}, after a full random overwrite`);
  }
  return lines;
}

async function steadyRows(context: Context, stage: Stage): Promise<Line[]> {
  const { wanted, profile } = context;
  for (let turn = 1; turn <= profile.overwrites; turn++) await overwrite(context, stage.pick('S', 'S4', 'Q', 'K'));
  const before = await Promise.all(stage.ours.map(({ server, diskId }) => server.statistics(diskId)));
  const measured = await rounds(context, stage, RANDOM_WRITE, stage.pick('S', 'S4', 'Q', 'K'), profile.steadySeconds);
  const flaws: Partial<Record<SubjectId, string[]>> = {};
  for (const [index, { id, server, diskId }] of stage.ours.entries()) {
    const after = await server.statistics(diskId);
    const since = (counter: 'checkpoints' | 'segmentsCollected'): number =>
      after[counter] - (before[index]?.[counter] ?? 0);
    flaws[id] = [
      ...(since('checkpoints') === 0 ? [`${id}: no checkpoint ran`] : []),
      ...(since('segmentsCollected') === 0 ? [`${id}: nothing was collected`] : []),
    ];
  }
  const { name, unit } = RANDOM_WRITE;
  const lines: Line[] = [];
  if (wanted.has(1)) {
    const goals = [must(1.5, 'Q', 'K'), aim(2, 'Q', 'K')];
    lines.push(roundsLine({ row: 1, workload: name, unit, us: 'S', measured, goals, flaws: flaws.S ?? [] }));
  }
  if (wanted.has(8)) {
    const goals = [must(1, 'Q', 'K'), aim(1.6, 'Q', 'K')];
    const workload = `SM4 disk: ${name}`;
    lines.push(roundsLine({ row: 8, workload, unit, us: 'S4', measured, goals, flaws: flaws.S4 ?? [] }));
  }
  if (wanted.has(19)) lines.push(cpuLine(RANDOM_WRITE, measured));
  return lines;
}

async function overwrite(context: Context, subjects: readonly Subject[]): Promise<void> {
  for (const subject of subjects) {
    context.say(`overwriting ${subject.id} at random`);
    await runWorkload(OVERWRITE, subject, { seconds: 0, randomSeed: randomSeed(context) });
  }
}

function cpuLine({ name }: Workload, measured: Measured): Line {
  return roundsLine({
    row: 19,
    workload: `server CPU, ${name}`,
    unit: 'us per 4 KiB',
    us: 'S',
    measured,
    goals: [must(1, 'Q'), aim(0.7, 'Q')],
    better: 'lower',
    value: cpuPerOperation,
  });
}
