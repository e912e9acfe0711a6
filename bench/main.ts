/** `npm run bench`: START HERE. Measures us and the peers in one run and prints the table of goals. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { BENCH_TOOLS, ensureTools } from '../scripts/debian-packages.ts';
import { messageOf } from '../src/base/errors.ts';
import { GiB } from '../src/base/units.ts';
import { benchApi } from './api/main.ts';
import type { Line } from './line.ts';
import { describeMachine } from './machine.ts';
import { touchMemory } from './memory.ts';
import { parseOptions, USAGE } from './options.ts';
import { writePage } from './page.ts';
import { profileOf } from './profile.ts';
import { textReport } from './report.ts';
import type { Report } from './report.ts';
import { CIPHER_ROWS, cipherRows } from './rows/cipher.ts';
import { LARGE_DISK_ROWS, largeDiskRows } from './rows/large-disk.ts';
import { MANY_DISKS_ROWS, manyDisksRows } from './rows/many-disks.ts';
import { RECOVERY_ROWS, recoveryRows } from './rows/recovery.ts';
import { SNAPSHOT_ROWS, snapshotRows } from './rows/snapshots.ts';
import { TAIL_LATENCY_ROWS, tailLatencyRows } from './rows/tail-latency.ts';
import { THROUGHPUT_ROWS, throughputRows } from './rows/throughput.ts';
import { TLS_ROWS, tlsRows } from './rows/tls.ts';
import { seededRandom } from './shuffle.ts';
import type { Context } from './stage.ts';

/** What measures which rows, in the order of measuring. */
const SUITES: readonly { readonly rows: readonly number[]; readonly run: (context: Context) => Promise<Line[]> }[] = [
  { rows: CIPHER_ROWS, run: cipherRows },
  { rows: THROUGHPUT_ROWS, run: throughputRows },
  { rows: LARGE_DISK_ROWS, run: largeDiskRows },
  { rows: TLS_ROWS, run: tlsRows },
  { rows: SNAPSHOT_ROWS, run: snapshotRows },
  { rows: RECOVERY_ROWS, run: recoveryRows },
  { rows: TAIL_LATENCY_ROWS, run: tailLatencyRows },
  { rows: MANY_DISKS_ROWS, run: manyDisksRows },
];

/** They take longer than the quick form may; `--rows` asks for them all the same. */
const LEFT_OUT_WHEN_QUICK: readonly number[] = [8, 9, 10, 15, 17];

/** What the pages of images, logs and spare files come to, for each byte of a disk. */
const TOUCHED_PER_BYTE = 8;

async function main(): Promise<void> {
  const [first, ...others] = process.argv.slice(2);
  if (first === 'api') {
    await benchApi(others);
    return;
  }
  const options = parseOptions(process.argv.slice(2), Date.now());
  if (options.help) {
    process.stdout.write(USAGE);
    return;
  }
  const missing = ensureTools(BENCH_TOOLS).map(({ debianPackage }) => debianPackage);
  if (missing.length > 0) throw new Error(`apt-get install ${[...new Set(missing)].join(' ')} first, as root`);
  const profile = profileOf(options);
  const all = SUITES.flatMap(({ rows }) => rows);
  const unknown = options.rows.find((row) => !all.includes(row));
  if (unknown !== undefined) throw new Error(`there is no row ${unknown}; there are ${all.join(', ')}`);
  const usual = options.quick ? all.filter((row) => !LEFT_OUT_WHEN_QUICK.includes(row)) : all;
  const wanted = new Set(options.rows.length === 0 ? usual : options.rows);
  const started = performance.now();
  const say = (text: string): void =>
    void process.stderr.write(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${text}\n`);
  const folder = mkdtempSync(path.join(realpathSync(options.folder ?? tmpdir()), 'sealdisk-bench-'));
  // Programs that were killed a moment ago may still hold a name.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));

  const startedAt = new Date().toISOString();
  const machine = await describeMachine(folder);
  say('touching memory');
  const touched = await touchMemory(profile.sizeBytes * TOUCHED_PER_BYTE);
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
  if (options.write) writePage(report);
  process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : textReport(report));
  say('done');
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n(npm run bench -- --help tells what there is)\n`);
    process.exit(1);
  },
);
