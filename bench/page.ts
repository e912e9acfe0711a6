/** Puts a report into docs/benchmarks.md, between two markers. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { cellsOf, COLUMNS, shortNumber } from './report.ts';
import type { Report } from './report.ts';

export const PAGE = path.resolve(import.meta.dirname, '../docs/benchmarks.md');

/** Which of the page's two tables. */
export type Section = 'engine' | 'api';

const BEGIN = {
  engine: '<!-- Written by `npm run bench -- --write`: begin -->',
  api: '<!-- Written by `npm run bench -- api --write`: begin -->',
} as const;
const END = '<!-- end -->';

/** @throws {Error} when the page has no markers. */
export function writePage(report: Report, file = PAGE, section: Section = 'engine'): void {
  writeFileSync(file, withReport(readFileSync(file, 'utf8'), report, section));
}

/** PURE. */
export function withReport(page: string, report: Report, section: Section = 'engine'): string {
  const begin = page.indexOf(BEGIN[section]);
  const end = page.indexOf(END, begin);
  if (begin < 0 || end < begin) throw new Error('the page has no place for the table: its markers are missing');
  return `${page.slice(0, begin + BEGIN[section].length)}\n\n${markdownReport(report)}\n${page.slice(end)}`;
}

function markdownReport(report: Report): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const form = report.form === 'quick' ? 'The quick form: a hint and no result' : 'The full form';
  const remarks = report.lines.flatMap((line) => [
    ...line.flaws.map((flaw) => `- Void, row ${line.row}, ${line.workload}: ${flaw}.`),
    ...line.notes.map((note) => `- Row ${line.row}, ${line.workload}: ${note}.`),
  ]);
  const lost = report.lines.flatMap((line) =>
    line.verdicts
      .filter(({ level, reached }) => level === 'must' && !reached)
      .map(({ goal, measured }) => `- Row ${line.row}, ${line.workload}: ${goal}, measured ${shortNumber(measured)}.`),
  );
  return [
    `${form}, begun ${report.startedAt}, seed ${report.seed}.`,
    '',
    ...Object.entries(report.machine).map(([name, value]) => `- ${name}: ${value}`),
    '',
    row(COLUMNS),
    row(COLUMNS.map(() => '---')),
    ...report.lines.map((line) => row(cellsOf(line))),
    '',
    ...(lost.length === 0 ? ['Every *must* of these rows is reached.'] : ['Not reached:', '', ...lost]),
    '',
    ...report.flaws.map((flaw) => `- Void, all rows: ${flaw}.`),
    ...remarks,
    '',
  ].join('\n');
}
