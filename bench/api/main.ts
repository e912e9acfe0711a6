/** The command line of `npm run bench -- api`. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import type { Line } from '../line.ts';
import { describeOurselves } from '../machine.ts';
import { writePage } from '../page.ts';
import { textReport } from '../report.ts';
import type { Report } from '../report.ts';
import { seededRandom } from '../shuffle.ts';
import { measureApi } from './suite.ts';

export const API_USAGE = `npm run bench -- api [options]
  --quick           one short round
  --rounds N        instead of 5
  --requests N      of one run, instead of 10,000
  --connections N   instead of 32
  --seed N          of the order of runs
  --folder DIR      where the server's data directory is made; default a new one in the system's temporary folder
  --json            the report as JSON
  --write           puts the table into docs/benchmarks.md
  --node-flag F     for Node of our server; may stand several times
`;

export async function benchApi(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      requests: { type: 'string' },
      connections: { type: 'string', default: '32' },
      seed: { type: 'string', default: '1' },
      folder: { type: 'string' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      'node-flag': { type: 'string', multiple: true, default: [] },
    },
  });
  if (values.help) {
    process.stdout.write(API_USAGE);
    return;
  }
  const whole = (name: string, text: string): number => {
    if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
    throw new Error(`--${name} takes whole numbers from 1, not ${text}`);
  };
  const started = performance.now();
  const say = (text: string): void =>
    void process.stderr.write(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${text}\n`);
  const folder = mkdtempSync(path.join(realpathSync(values.folder ?? tmpdir()), 'sealdisk-bench-api-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));
  const startedAt = new Date().toISOString();
  const machine = await describeOurselves(folder);
  const seed = whole('seed', values.seed);
  const lines: Line[] = await measureApi({
    folder,
    rounds: whole('rounds', values.rounds ?? (values.quick ? '1' : '5')),
    requests: whole('requests', values.requests ?? (values.quick ? '1000' : '10000')),
    connections: whole('connections', values.connections),
    random: seededRandom(seed),
    say,
    nodeFlags: values['node-flag'],
  });
  const flaws =
    machine['File system'] === 'tmpfs' ? ['the file system lies in memory: choose another with --folder'] : [];
  const report: Report = { form: values.quick ? 'quick' : 'full', startedAt, seed, machine, flaws, lines };
  if (values.write) writePage(report, undefined, 'api');
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : textReport(report));
}
