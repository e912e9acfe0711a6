/**
 * `npm test`: every check and every test, in groups that say what they took.
 * `npm test -- unit` (or simulation, crash, clients, checks) runs one group.
 */
import { spawn } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';

import { CHECKS } from './checks.ts';
import { ensureTools } from './debian-packages.ts';

const NODE_MAJOR = 26;

interface Group {
  readonly name: string;
  readonly files: readonly string[];
  /** Test files at a time. What measures time or drives real clients runs alone. */
  readonly concurrency: number;
}

const all = globSync('test/**/*.test.ts').toSorted();
const inFolder = (...folders: string[]): string[] =>
  all.filter((file) => folders.some((folder) => file.startsWith(path.join('test', folder) + path.sep)));
const simulation = inFolder('sim');
const crash = inFolder('crash');
const clients = inFolder('conformance', 'e2e');
const special = new Set([...simulation, ...crash, ...clients]);

const GROUPS: readonly Group[] = [
  { name: 'unit', files: all.filter((file) => !special.has(file)), concurrency: 2 },
  { name: 'simulation', files: simulation, concurrency: 2 },
  { name: 'crash', files: crash, concurrency: 1 },
  { name: 'clients', files: clients, concurrency: 1 },
];

function run(command: readonly string[], environment: NodeJS.ProcessEnv = process.env): Promise<number> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: 'inherit', env: environment });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

async function main(): Promise<number> {
  if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR) {
    process.stderr.write(
      `the tests need the pinned Node ${NODE_MAJOR}, this is ${process.version}: run them with \`npm test\` after \`npm ci\`\n`,
    );
    return 1;
  }
  const wanted = process.argv.slice(2);
  const chosen = (name: string): boolean => wanted.length === 0 || wanted.includes(name);
  const unknown = wanted.filter((name) => name !== 'checks' && !GROUPS.some((group) => group.name === name));
  if (unknown.length > 0) {
    process.stderr.write(
      `no test group ${unknown.join(', ')}; there are checks, ${GROUPS.map((group) => group.name).join(', ')}\n`,
    );
    return 2;
  }
  const missing = ensureTools();
  for (const { program, debianPackage } of missing) {
    process.stdout.write(
      `${program} is not installed: tests that need it are skipped. As root: apt-get install ${debianPackage}\n`,
    );
  }

  let failed = 0;
  const total = { passed: 0, failed: 0, skipped: 0 };
  if (chosen('checks')) {
    for (const { name, command } of CHECKS) {
      const started = performance.now();
      const code = await run(command);
      process.stdout.write(
        `${code === 0 ? 'ok  ' : 'FAIL'} check: ${name}  ${((performance.now() - started) / 1000).toFixed(1)} s\n`,
      );
      if (code !== 0) failed += 1;
    }
  }
  const scratch = mkdtempSync(path.join(tmpdir(), 'sealdisk-test-'));
  for (const { name, files, concurrency } of GROUPS) {
    if (!chosen(name)) continue;
    if (files.length === 0) {
      process.stdout.write(`FAIL ${name}: no test file found\n`);
      failed += 1;
      continue;
    }
    const started = performance.now();
    const counts = path.join(scratch, `${name}.json`);
    const code = await run(
      [
        process.execPath,
        '--disable-warning=ExperimentalWarning',
        '--expose-gc',
        '--test',
        `--test-concurrency=${concurrency}`,
        '--test-timeout=900000',
        '--test-reporter=./scripts/test-reporter.ts',
        '--test-reporter-destination=stdout',
        ...files,
      ],
      { ...process.env, SEALDISK_TEST_COUNTS: counts },
    );
    // A runner that died has counted nothing, and its exit code says so.
    const group = existsSync(counts)
      ? (JSON.parse(readFileSync(counts, 'utf8')) as typeof total)
      : { passed: 0, failed: 0, skipped: 0 };
    total.passed += group.passed;
    total.failed += group.failed;
    total.skipped += group.skipped;
    // A file that dies without a failed test still fails the group.
    if (code !== 0 && group.failed === 0) failed += 1;
    process.stdout.write(`---- ${name}: ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
  }
  rmSync(scratch, { recursive: true, force: true });
  if (missing.length > 0)
    process.stdout.write(`skipped for want of: ${[...new Set(missing.map((tool) => tool.debianPackage))].join(' ')}\n`);
  process.stdout.write(`${total.passed} passed, ${total.failed + failed} failed, ${total.skipped} skipped\n`);
  return failed + total.failed === 0 ? 0 : 1;
}

process.exitCode = await main();
