/** Rows 2 to 6, the second part of row 8, and the reads of rows 9 and 19: a disk that is all in memory. */
import { cipherLibrary } from '../cipher/library.ts';
import type { Line, RatioGoal } from '../line.ts';
import { roundsLine } from '../line.ts';
import type { Measured } from '../rounds.ts';
import { median } from '../samples.ts';
import type { Context, Stage } from '../stage.ts';
import type { SubjectId } from '../subjects/subject.ts';
import {
  FLUSHED_WRITE,
  FLUSHED_WRITES,
  RANDOM_READ,
  RANDOM_READ_ALONE,
  SEQUENTIAL_READ,
  SEQUENTIAL_WRITE,
} from '../workloads.ts';
import type { Workload } from '../workloads.ts';
import { cipherCpuLine } from './null-cipher.ts';
import { aim, cpuLine, must, overwrite, workloadRounds } from './load.ts';

export async function basicRows(context: Context, stage: Stage): Promise<Line[]> {
  const { wanted, profile } = context;
  const lines: Line[] = [];
  const wants = (...rows: number[]): boolean => rows.some((row) => wanted.has(row));
  const measure = async (
    row: number,
    workload: Workload,
    ids: readonly SubjectId[],
    goals: readonly RatioGoal[],
    state = '',
  ): Promise<Measured> => {
    const measured = await workloadRounds(context, stage, workload, stage.pick(...ids), profile.seconds);
    const name = workload.name + state;
    if (wanted.has(row)) lines.push(roundsLine({ row, workload: name, unit: workload.unit, us: 'S', measured, goals }));
    if (wanted.has(9) && ids.includes('N')) lines.push(cipherCpuLine({ ...workload, name }, measured));
    return measured;
  };

  if (wants(6, 9)) {
    const goals = [must(1.2, 'K'), aim(1.6, 'K')];
    await measure(6, SEQUENTIAL_READ, ['S', 'N', 'Q', 'K'], goals, ', laid out in order');
  }
  if (wants(5, 8, 9)) {
    const ids: SubjectId[] = ['S', 'S4', 'N', 'Q', 'K', 'R'];
    const measured = await measure(5, SEQUENTIAL_WRITE, ids, [must(1.5, 'Q', 'K'), aim(2.5, 'Q', 'K')]);
    if (wanted.has(8)) lines.push(await sm4Line(context, measured));
  }
  if (wants(2, 9, 19)) {
    const goals = [must(1.8, 'Q', 'K'), aim(2.3, 'Q', 'K'), aim(1.5, 'R')];
    const measured = await measure(2, RANDOM_READ, ['S', 'N', 'Q', 'K', 'R'], goals);
    if (wanted.has(19)) lines.push(cpuLine(RANDOM_READ, measured));
  }
  if (wanted.has(3)) await measure(3, RANDOM_READ_ALONE, ['S', 'Q', 'K'], [must(0.9, 'K'), aim(1, 'K')]);
  if (wanted.has(4)) {
    const ids: SubjectId[] = ['S', 'Q', 'K', 'F'];
    await measure(4, FLUSHED_WRITE, ids, [must(1, 'Q'), must(0.8, 'K'), aim(1, 'K')]);
    await measure(4, FLUSHED_WRITES, ids, [must(1.2, 'K'), aim(1.7, 'K')]);
  }
  if (wanted.has(6)) {
    await overwrite(context, stage.pick('S', 'Q', 'K'));
    const goals = [must(1.2, 'Q'), aim(0.8, 'K')];
    await measure(6, SEQUENTIAL_READ, ['S', 'Q', 'K'], goals, ', after a full random overwrite');
  }
  return lines;
}

/** Against what the library alone seals with SM4: there is no peer. */
async function sm4Line({ folder, profile }: Context, measured: Measured): Promise<Line> {
  const library = await cipherLibrary(folder);
  const rates: number[] = [];
  for (let round = 0; round < profile.rounds; round++) rates.push((await library.rates('sm4-gcm', 0.5)).seal);
  const { name, unit } = SEQUENTIAL_WRITE;
  const line = roundsLine({ row: 8, workload: `SM4 disk: ${name}`, unit, us: 'S4', measured, goals: [] });
  const alone = median(rates);
  const ratio = line.ours / alone;
  return {
    ...line,
    others: { ...line.others, 'O(SM4)': alone },
    verdicts: [
      { level: 'must', goal: '0.6 x O(SM4)', measured: ratio, reached: ratio >= 0.6 },
      { level: 'aim', goal: '0.7 x O(SM4)', measured: ratio, reached: ratio >= 0.7 },
    ],
    notes: library.note === undefined ? [] : [library.note],
  };
}
