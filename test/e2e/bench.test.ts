// One row of the benchmark, as short as it goes: the program works from its command line to its table.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import type { Report } from '../../bench/report.ts';
import { skipWithout } from '../conformance/nbd/tools.ts';
import { REPOSITORY, runProgram } from '../support/start-server.ts';

const MAIN = path.join(REPOSITORY, 'bench/main.ts');
const bench = (...args: string[]) =>
  runProgram(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args]);
const skip = skipWithout('fio', 'qemu-nbd', 'qemu-img', 'nbdkit');

test('the benchmark measures a row, with every peer, and says under which conditions', { skip }, async () => {
  const { code, stdout, stderr } = await bench(
    '--quick',
    '--json',
    '--rows',
    '3',
    '--rounds',
    '1',
    '--seed',
    '5',
    '--size',
    '32',
  );
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout) as Report;
  assert.deepEqual([report.form, report.seed], ['quick', 5]);
  assert.match(report.machine['Node'] ?? '', /^v\d+/);
  const [line, ...others] = report.lines;
  assert.ok(line !== undefined && others.length === 0);
  assert.ok(line.row === 3 && line.ours > 0);
  assert.deepEqual(Object.keys(line.others), ['Q', 'K']);
  assert.deepEqual(
    line.rounds?.order.map((turn) => turn.toSorted()),
    [['K', 'Q', 'S']],
  );
  const [sample] = line.rounds?.samples.S ?? [];
  assert.ok(sample !== undefined && sample.operations4k > 0 && sample.cached === 1);
});

test('a row that does not exist is refused with what there is', async () => {
  const { code, stderr } = await bench('--rows', '99');
  assert.equal(code, 1);
  assert.match(stderr, /no row 99; there are 7, 1, 2/);
});

test('the benchmark of the API measures every row beside a bare server, without a refused request', async () => {
  const { code, stdout, stderr } = await bench('api', '--quick', '--requests', '100', '--json');
  assert.equal(code, 0, stderr);
  const { lines } = JSON.parse(stdout) as Report;
  assert.deepEqual(
    lines.map(({ row }) => row),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  for (const { ours, others, verdicts } of lines) {
    assert.ok(ours > 0 && Object.values(others).every((value) => value > 0));
    assert.ok(verdicts.every(({ measured }) => Number.isFinite(measured)));
  }
});
