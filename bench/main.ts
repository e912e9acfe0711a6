/** `npm run bench`: START HERE. Measures us and the peers in one run and prints the table of goals. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { GiB } from '../src/base/units.ts';
import type { Line } from './line.ts';
import { describeMachine } from './machine.ts';
import { touchMemory } from './memory.ts';
import { parseOptions, USAGE } from './options.ts';
import { FULL, QUICK } from './profile.ts';
import { textReport } from './report.ts';
import type { Report } from './report.ts';
import { THROUGHPUT_ROWS, throughputRows } from './rows/throughput.ts';
import { seededRandom } from './shuffle.ts';
import type { Context } from './stage.ts';

/** What measures which rows, in the order of measuring. */
const SUITES: readonly { readonly rows: readonly number[]; readonly run: (context: Context) => Promise<Line[]> }[] = [
  { rows: THROUGHPUT_ROWS, run: throughputRows },
];

/** A disk of the full form is written about four times its size. */
const TOUCH = { full: 16 * GiB, quick: 4 * GiB };

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), Date.now());
  const profile = {
    ...(options.quick ? QUICK : FULL),
    ...(options.rounds === undefined ? {} : { rounds: options.rounds }),
  };
  const all = SUITES.flatMap(({ rows }) => rows);
  const unknown = options.rows.find((row) => !all.includes(row));
  if (unknown !== undefined) throw new Error(`there is no row ${unknown}; there are ${all.join(', ')}`);
  const wanted = new Set(options.rows.length === 0 ? all : options.rows);
  const started = performance.now();
  const say = (text: string): void =>
    void process.stderr.write(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${text}\n`);
  const folder = mkdtempSync(path.join(realpathSync(options.folder ?? tmpdir()), 'sealdisk-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

  const startedAt = new Date().toISOString();
  const machine = await describeMachine(folder);
  say('touching memory');
  const touched = await touchMemory(TOUCH[profile.form]);
  machine['Memory touched'] =
    `${(touched.bytes / GiB).toFixed(1)} GiB, ${touched.firstRate.toFixed(1)} GB/s, then ${touched.againRate.toFixed(1)} GB/s`;
  const random = seededRandom(options.seed);
  const context: Context = { profile, wanted, folder, random, say, nodeFlags: options.nodeFlags };
  const lines: Line[] = [];
  for (const { rows, run } of SUITES) if (rows.some((row) => wanted.has(row))) lines.push(...(await run(context)));
  lines.sort((a, b) => a.row - b.row);
  const flaws: string[] = [];
  if (machine['File system'] === 'tmpfs') flaws.push('the file system lies in memory: choose another with --folder');
  const report: Report = { form: profile.form, startedAt, seed: options.seed, machine, flaws, lines };
  process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : textReport(report));
  say('done');
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(1);
  },
);
