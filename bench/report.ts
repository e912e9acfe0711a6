/** The table as text and as JSON. PURE. */
import type { Line, Verdict } from './line.ts';

export interface Report {
  readonly form: 'full' | 'quick';
  readonly startedAt: string;
  readonly seed: number;
  readonly machine: Readonly<Record<string, string>>;
  /** What holds for the whole run and is wrong. */
  readonly flaws: readonly string[];
  readonly lines: readonly Line[];
}

/** Three significant digits, with thousands as k. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 10_000) return `${(value / 1000).toFixed(value >= 100_000 ? 0 : 1)}k`;
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(value >= 0.1 ? 2 : 4);
}

function verdictText({ goal, measured, reached }: Verdict): string {
  return `${goal}: ${shortNumber(measured)} ${reached ? 'yes' : 'NO'}`;
}

function verdictsOf(line: Line, level: Verdict['level']): string {
  return line.verdicts
    .filter((verdict) => verdict.level === level)
    .map(verdictText)
    .join('; ');
}

export const COLUMNS = ['#', 'Workload', 'Unit', 'Us', 'Others', 'Must', 'Aim'] as const;

export function cellsOf(line: Line): string[] {
  const others = Object.entries(line.others).map(([id, value]) => `${id} ${shortNumber(value)}`);
  const must = verdictsOf(line, 'must');
  return [
    String(line.row),
    line.workload,
    line.unit,
    shortNumber(line.ours) + (line.flaws.length > 0 ? ' (void)' : ''),
    others.join(', '),
    must,
    verdictsOf(line, 'aim'),
  ];
}

export function textReport(report: Report): string {
  const rows = [[...COLUMNS], ...report.lines.map(cellsOf)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const table = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const form = report.form === 'quick' ? 'quick form: short runs on small disks, a hint and no result' : 'full form';
  const remarks = report.lines.flatMap((line) => [
    ...line.flaws.map((flaw) => `VOID ${line.row} ${line.workload}: ${flaw}`),
    ...line.notes.map((note) => `${line.row} ${line.workload}: ${note}`),
  ]);
  return [
    `${form}, ${report.startedAt}, seed ${report.seed}`,
    ...Object.entries(report.machine).map(([name, value]) => `${name}: ${value}`),
    '',
    ...table,
    '',
    ...report.flaws.map((flaw) => `VOID, all: ${flaw}`),
    ...remarks,
    '',
  ].join('\n');
}
