/** Applies changes of `scripts/broken-promises.ts` to a copy of the sources and runs the tests that should notice. */
import { spawn } from 'node:child_process';
import process from 'node:process';

import type { BrokenPromise } from '../../scripts/broken-promises.ts';
import { TestBuild } from '../support/test-build.ts';

/** Quick and general first. A promise counts as kept only when all of them pass. */
const TESTS: readonly (readonly string[])[] = [
  [
    'test/block/disk.test.ts',
    'test/block/views/snapshots.test.ts',
    'test/block/log/log.test.ts',
    'test/block/collect/collection.test.ts',
  ],
  ['test/sim/narrow-windows.sim.test.ts', 'test/sim/overlapping.sim.test.ts'],
  ['test/sim/collect-in-checkpoint.sim.test.ts'],
  ['test/sim/disk.sim.test.ts'],
  ['test/sim/every-call.sim.test.ts'],
  ['test/block/**/*.test.ts', 'test/sim/*.test.ts'],
];
/** A test that hangs has noticed, too. */
const SECONDS_MAX = 120;
/** Of the large simulation. */
const SEEDS = 300;

export interface Noticed {
  readonly promise: BrokenPromise;
  /** The test, or undefined when none noticed. */
  readonly by: string | undefined;
}

export async function* breakPromises(promises: readonly BrokenPromise[]): AsyncGenerator<Noticed> {
  using build = new TestBuild(['test', 'scripts', 'docs', 'spec', 'tsconfig.json']);
  for (const promise of promises) {
    const intact = build.read(promise.file);
    build.write(promise.file, applied(promise, intact));
    try {
      yield { promise, by: await firstFailure(build) };
    } finally {
      build.write(promise.file, intact);
    }
  }
}

/** @throws {Error} the place is not there exactly once: the engine changed, and so must the list. */
export function applied({ name, file, from, to }: BrokenPromise, source: string): string {
  const count = source.split(from).length - 1;
  if (count !== 1) throw new Error(`${file} has the place of "${name}" ${count} times, not once`);
  return source.replace(from, () => to);
}

async function firstFailure(build: TestBuild): Promise<string | undefined> {
  for (const files of TESTS) {
    const { code, output } = await runTests(build, files);
    if (code === 0) continue;
    const failed = /✖ (?!failing tests)(.*?) \([\d.]+ms\)/.exec(output)?.[1];
    const detail = /(seed \d+[^\n]*)/.exec(output.slice(output.indexOf('failing tests')))?.[1];
    return failed === undefined ? `a file that ended with ${code}` : detail === undefined ? failed : shorten(detail);
  }
  return undefined;
}

function shorten(text: string): string {
  return text.length <= 110 ? text : `${text.slice(0, 110)}…`;
}

function runTests(build: TestBuild, files: readonly string[]): Promise<{ code: number; output: string }> {
  const args = ['--disable-warning=ExperimentalWarning', '--expose-gc', '--test', '--test-reporter=spec'];
  const limits = ['--test-force-exit', `--test-timeout=${SECONDS_MAX * 1_000}`];
  const child = spawn(process.execPath, [...args, ...limits, ...files], {
    cwd: build.root,
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, SEALDISK_SIM_SEEDS: String(SEEDS) },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 5 * SECONDS_MAX * 1_000,
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
