import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { PARTS as BROKEN } from './broken-parts.ts';
import { PARTS } from './parts.ts';
import { runSoak } from './run-soak.ts';
import type { SoakSummary } from './run-soak.ts';
import { summaryLines } from './summary.ts';

test('a soak goes on after seeds that fail, die or hang, and says which they were', async () => {
  const told: string[] = [];
  const summary = await runSoak({
    module: path.join(import.meta.dirname, 'broken-parts.ts'),
    parts: BROKEN,
    seconds: 60,
    seed: 10,
    jobs: 2,
    turnSeconds: 5,
    seeds: 5,
    onFailure: (part, { seed }) => told.push(`${part} ${seed}`),
  });
  const failed = summary.parts.map(({ name, failures }) => [name, failures.map(({ seed }) => seed)]);
  assert.deepEqual(failed, [
    ['fine', []],
    ['failing', [12]],
    ['dying', [12]],
    ['hanging', [11]],
  ]);
  assert.deepEqual(told.toSorted(), ['dying 12', 'failing 12', 'hanging 11']);
  const [fine, failing, dying, hanging] = summary.parts;
  assert.deepEqual([fine?.seeds, fine?.counts], [5, { crashes: 10, inputs: 5 }]);
  assert.deepEqual([failing?.seeds, failing?.counts], [5, { faults: 4 }]);
  // What came after the seed that killed the process was run by another one.
  assert.deepEqual([dying?.seeds, hanging?.seeds], [4, 4]);
  assert.match(dying?.failures[0]?.message ?? '', /ended with 7/);
  assert.match(hanging?.failures[0]?.message ?? '', /no result in 3 s/);
  const lines = summaryLines(summary);
  assert.ok(lines.some((line) => line.startsWith('| fine | 5 |') && line.includes('10 crashes, 5 inputs')));
  assert.ok(
    lines.some((line) => line.includes('18 seeds, 10 crashes, 4 faults, 5 inputs, 3 failures')),
    lines.join('\n'),
  );
  assert.ok(lines.some((line) => line.includes('npm run soak -- --only dying --seed 12 --seeds 1')));
});

test('a soak ends when its time is over, or when it is told to', async () => {
  const parts = BROKEN.filter(({ name }) => name === 'fine');
  const module = path.join(import.meta.dirname, 'broken-parts.ts');
  const started = performance.now();
  await runSoak({ module, parts, seconds: 1, seed: 1, jobs: 1, turnSeconds: 5 });
  const ended = new AbortController();
  ended.abort();
  await runSoak({ module, parts, seconds: 1_000, seed: 1, jobs: 1, turnSeconds: 5, signal: ended.signal });
  assert.ok(performance.now() - started < 20_000);
});

test('the command runs chosen parts from a seed and writes the summary as text and JSON', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealdisk-soak-'));
  const json = path.join(folder, 'summary.json');
  const script = path.join(import.meta.dirname, '..', '..', 'scripts', 'soak.ts');
  const args = ['--minutes', '1', '--seed', '7', '--seeds', '2', '--only', 'simulation,narrow-windows', '--json', json];
  const environment = { ...process.env, NODE_TEST_CONTEXT: undefined };
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    encoding: 'utf8',
    env: environment,
  });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /\| simulation \| 2 \|/);
  assert.match(stdout, /from seed 7: 4 seeds, .* 0 failures/);
  const { parts } = JSON.parse(readFileSync(json, 'utf8')) as SoakSummary;
  assert.deepEqual(
    parts.map(({ name, seeds }) => [name, seeds]),
    [
      ['simulation', 2],
      ['narrow-windows', 2],
    ],
  );
  assert.ok(parts.every(({ counts }) => (counts['crashes'] ?? 0) > 0));
  const refused = spawnSync(process.execPath, [script, '--only', 'nothing'], { encoding: 'utf8', env: environment });
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /no part nothing; there are simulation/);
  rmSync(folder, { recursive: true });
});

test('the parts of a soak have names of their own', () => {
  assert.equal(new Set(PARTS.map(({ name }) => name)).size, PARTS.length);
});
