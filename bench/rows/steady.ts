/** Row 1, the first parts of rows 8 and 9, the writes of row 19, and row 15: random writes without end. */
import { SLOT_SIZE_BYTES } from '../../src/block/format/slot-format.ts';
import type { DiskStatistics } from '../../src/dataplane/data-plane.ts';
import type { Line } from '../line.ts';
import { roundsLine, valuesLine } from '../line.ts';
import type { Measured } from '../rounds.ts';
import { must as run } from '../run.ts';
import type { Context, Stage } from '../stage.ts';
import type { SealdiskSubject } from '../subjects/sealdisk.ts';
import { RANDOM_WRITE } from '../workloads.ts';
import { cipherCostLine } from './null-cipher.ts';
import { aim, cpuLine, must, overwrite, workloadRounds } from './load.ts';

export async function steadyRows(context: Context, stage: Stage): Promise<Line[]> {
  const { wanted, profile } = context;
  const subjects = stage.pick('S', 'S4', 'N', 'Q', 'K');
  for (let turn = 1; turn <= profile.overwrites; turn++) await overwrite(context, subjects);
  const before = await statisticsOf(stage);
  const measured = await workloadRounds(context, stage, RANDOM_WRITE, subjects, profile.steadySeconds);
  const after = await statisticsOf(stage);
  const flaws = (id: string): string[] => inactive(id, before.get(id), after.get(id));

  const { name, unit } = RANDOM_WRITE;
  const lines: Line[] = [];
  if (wanted.has(1)) {
    const goals = [must(1.5, 'Q', 'K'), aim(2, 'Q', 'K')];
    lines.push(roundsLine({ row: 1, workload: name, unit, us: 'S', measured, goals, flaws: flaws('S') }));
  }
  if (wanted.has(8)) {
    const goals = [must(1, 'Q', 'K'), aim(1.6, 'Q', 'K')];
    const workload = `SM4 disk: ${name}`;
    lines.push(roundsLine({ row: 8, workload, unit, us: 'S4', measured, goals, flaws: flaws('S4') }));
  }
  if (wanted.has(9)) lines.push(cipherCostLine(RANDOM_WRITE, measured));
  if (wanted.has(15)) lines.push(...(await spaceLines(stage, measured, before.get('S'), after.get('S'))));
  if (wanted.has(19)) lines.push(cpuLine(RANDOM_WRITE, measured));
  return lines;
}

async function statisticsOf({ ours }: Stage): Promise<Map<string, DiskStatistics>> {
  const found = new Map<string, DiskStatistics>();
  for (const { id, server, diskId } of ours) found.set(id, await server.statistics(diskId));
  return found;
}

/** Writing without checkpoints or collection is not what a disk does for long. */
function inactive(id: string, before: DiskStatistics | undefined, after: DiskStatistics | undefined): string[] {
  if (before === undefined || after === undefined) return [`${id}: nothing tells what it did`];
  return [
    ...(after.checkpoints === before.checkpoints ? [`no checkpoint ran (${id})`] : []),
    ...(after.segmentsCollected === before.segmentsCollected ? [`nothing was collected (${id})`] : []),
  ];
}

/** Row 15: everything that was sealed or copied for each block written, and what the files take for each live block. */
async function spaceLines(
  { ours }: Stage,
  { samples }: Measured,
  before: DiskStatistics | undefined,
  after: DiskStatistics | undefined,
): Promise<Line[]> {
  const us = ours.find(({ id }) => id === 'S');
  if (us === undefined || before === undefined || after === undefined) return [];
  const written = (samples.S ?? []).reduce((sum, { operations4k }) => sum + operations4k, 0);
  const sealed = (statistics: DiskStatistics): number =>
    statistics.logSlots + statistics.mapSlots + statistics.collectedBytes / SLOT_SIZE_BYTES;
  const flaws = inactive('S', before, after);
  const perBlock = (slots: number): string => (slots / written).toFixed(2);
  const log = perBlock(after.logSlots - before.logSlots);
  const map = perBlock(after.mapSlots - before.mapSlots);
  const collected = perBlock((after.collectedBytes - before.collectedBytes) / SLOT_SIZE_BYTES);
  return [
    valuesLine({
      row: 15,
      workload: 'uniform random overwrite, space over live data',
      unit: '',
      values: [(await bytesOnDisk(us)) / us.sizeBytes],
      goals: [{ level: 'must', limit: 1.4 }],
      flaws,
      notes: [`everything in the disk's directory; a slot alone is ${(SLOT_SIZE_BYTES / 4096).toFixed(3)}`],
    }),
    valuesLine({
      row: 15,
      workload: 'uniform random overwrite, write amplification',
      unit: '',
      values: [(sealed(after) - sealed(before)) / written],
      goals: [{ level: 'must', limit: 2.2 }],
      flaws,
      notes: [`log ${log}, map ${map}, collected ${collected}`],
    }),
  ];
}

async function bytesOnDisk({ server, diskId }: SealdiskSubject): Promise<number> {
  const out = await run('du', ['--summarize', '--block-size=1', `${server.dataDirectory}/disks/${diskId}`]);
  return Number(out.split('\t')[0]);
}
