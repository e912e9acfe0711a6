/** One line of the table: what was measured, against whom, and whether the goals are reached. PURE. */
import { median, medianRatio } from './samples.ts';
import type { Measured, Sample } from './rounds.ts';
import { flawsOf } from './rounds.ts';
import { SUBJECT_IDS } from './subjects/subject.ts';
import type { SubjectId } from './subjects/subject.ts';

export interface Verdict {
  readonly level: 'must' | 'aim';
  /** `1.5 x max(Q, K)`, `< 100 ms`. */
  readonly goal: string;
  /** The ratio, or the value itself. */
  readonly measured: number;
  readonly reached: boolean;
}

export interface Line {
  /** `4`, `8a`: of the table of goals. */
  readonly row: number;
  readonly workload: string;
  readonly unit: string;
  readonly ours: number;
  /** Medians of the others, by their letters. */
  readonly others: Readonly<Record<string, number>>;
  readonly verdicts: readonly Verdict[];
  /** Why these numbers may not be believed; they count only when there is none. */
  readonly flaws: readonly string[];
  /** How it was measured where that is not plain. */
  readonly notes: readonly string[];
  /** Every round, for `--json`. */
  readonly rounds?: Measured;
}

/** At least (for what should be low: at most) `factor` times the best of `peers`. */
export interface RatioGoal {
  readonly level: Verdict['level'];
  readonly factor: number;
  readonly peers: readonly SubjectId[];
}

const goalText = ({ factor, peers }: RatioGoal, better: 'higher' | 'lower'): string =>
  `${factor} x ${peers.length === 1 ? peers[0] : `${better === 'higher' ? 'max' : 'min'}(${peers.join(', ')})`}`;

/** A line of interleaved rounds. */
export function roundsLine(parts: {
  readonly row: number;
  readonly workload: string;
  readonly unit: string;
  readonly us: SubjectId;
  readonly measured: Measured;
  readonly goals: readonly RatioGoal[];
  readonly better?: 'higher' | 'lower';
  readonly value?: (sample: Sample) => number;
  readonly flaws?: readonly string[];
  readonly notes?: readonly string[];
}): Line {
  const { row, workload, unit, us, measured, goals, better = 'higher', value = (sample) => sample.value } = parts;
  const of = (id: SubjectId): number[] => (measured.samples[id] ?? []).map(value);
  const others: Record<string, number> = {};
  for (const id of SUBJECT_IDS) if (id !== us && measured.samples[id] !== undefined) others[id] = median(of(id));
  const verdicts = goals.map((goal): Verdict => {
    const ratio = medianRatio(of(us), goal.peers.map(of), better);
    const reached = better === 'higher' ? ratio >= goal.factor : ratio <= goal.factor;
    return { level: goal.level, goal: goalText(goal, better), measured: ratio, reached };
  });
  return {
    row,
    workload,
    unit,
    ours: median(of(us)),
    others,
    verdicts,
    flaws: [...flawsOf(measured), ...(parts.flaws ?? [])],
    notes: parts.notes ?? [],
    rounds: measured,
  };
}

/** At most (or at least) so much. */
export interface LimitGoal {
  readonly level: Verdict['level'];
  readonly limit: number;
  readonly unit: string;
  readonly atLeast?: boolean;
}

export function limitVerdict(measured: number, { level, limit, unit, atLeast = false }: LimitGoal): Verdict {
  const reached = atLeast ? measured >= limit : measured <= limit;
  return {
    level,
    goal: `${atLeast ? 'at least' : 'at most'} ${limit}${unit === '' ? '' : ` ${unit}`}`,
    measured,
    reached,
  };
}

/** A line of one value, the median of what was measured. */
export function valuesLine(parts: {
  readonly row: number;
  readonly workload: string;
  readonly unit: string;
  readonly values: readonly number[];
  readonly goals?: readonly Omit<LimitGoal, 'unit'>[];
  readonly others?: Readonly<Record<string, number>>;
  readonly flaws?: readonly string[];
  readonly notes?: readonly string[];
}): Line {
  const { row, workload, unit, values, goals = [], others = {}, flaws = [], notes = [] } = parts;
  const ours = median(values);
  const verdicts = goals.map((goal) => limitVerdict(ours, { ...goal, unit }));
  return { row, workload, unit, ours, others, verdicts, flaws, notes };
}
