/** Rows 1 to 6, 8, 9, 15 and 19: one server, one client, one disk. The rows themselves are in basic.ts and steady.ts. */
import type { Line } from '../line.ts';
import { Stage } from '../stage.ts';
import type { Context } from '../stage.ts';
import type { SubjectId } from '../subjects/subject.ts';
import { verifyData } from '../workloads.ts';
import { basicRows } from './basic.ts';
import { steadyRows } from './steady.ts';

export const THROUGHPUT_ROWS = [1, 2, 3, 4, 5, 6, 8, 9, 15, 19] as const;

const BASIC = [2, 3, 4, 5, 6, 8, 9, 19] as const;
const STEADY = [1, 8, 9, 15, 19] as const;

export async function throughputRows(context: Context): Promise<Line[]> {
  const { profile, wanted } = context;
  const wants = (rows: readonly number[]): boolean => rows.some((row) => wanted.has(row));
  const when = (row: number, ...ids: SubjectId[]): SubjectId[] => (wanted.has(row) ? ids : []);
  const both: SubjectId[] = ['S', ...when(8, 'S4'), ...when(9, 'N'), 'Q', 'K'];
  const oneStage = profile.sizeBytes === profile.steadySizeBytes;
  const lines: Line[] = [];
  if (wants(BASIC)) {
    const raw: SubjectId[] = wants([2, 5]) ? ['R'] : [];
    await using stage = await Stage.open(context, [...both, ...raw, ...when(4, 'F')], profile.sizeBytes);
    lines.push(...(await basicRows(context, stage)));
    if (oneStage && wants(STEADY)) lines.push(...(await steadyRows(context, stage)));
    await verify(context, stage);
  }
  if (wants(STEADY) && !(oneStage && wants(BASIC))) {
    await using stage = await Stage.open(context, both, profile.steadySizeBytes);
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
