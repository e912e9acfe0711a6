import assert from 'node:assert/strict';
import { test } from 'node:test';

import { limitVerdict, roundsLine } from '../../bench/line.ts';
import { cellsOf, shortNumber, textReport } from '../../bench/report.ts';
import type { Measured, Sample } from '../../bench/rounds.ts';

const sample = (value: number, parts: Partial<Sample> = {}): Sample => ({
  value,
  cpuSeconds: 1,
  operations4k: 1e6,
  noise: { foreign: 0, steal: 0 },
  cached: 1,
  ...parts,
});

const lineOf = (samples: Measured['samples']) =>
  roundsLine({
    row: 1,
    workload: 'random write',
    unit: 'IOPS',
    us: 'S',
    measured: { samples, order: [] },
    goals: [
      { level: 'must', factor: 1.5, peers: ['Q', 'K'] },
      { level: 'aim', factor: 2, peers: ['Q'] },
    ],
  });

test('a line has medians, and a ratio to the best peer for each goal', () => {
  const line = lineOf({ S: [sample(30), sample(10)], Q: [sample(10), sample(10)], K: [sample(20), sample(5)] });
  assert.equal(line.ours, 20);
  assert.deepEqual(line.others, { Q: 10, K: 12.5 });
  assert.deepEqual(line.verdicts, [
    { level: 'must', goal: '1.5 x max(Q, K)', measured: 1.25, reached: false },
    { level: 'aim', goal: '2 x Q', measured: 2, reached: true },
  ]);
  assert.deepEqual(line.flaws, []);
});

test('a peer that was not in memory voids the line', () => {
  const line = lineOf({ S: [sample(1)], Q: [sample(1, { cached: 0.5 })], K: [sample(1)] });
  assert.deepEqual(line.flaws, ['not all in the page cache (Q)']);
  assert.match(cellsOf(line)[3] ?? '', /void/);
});

test('others at work void the line when they disturbed more than half of the rounds', () => {
  const noisy = sample(1, { noise: { foreign: 0.4, steal: 0.01 } });
  const quiet = sample(1);
  assert.deepEqual(lineOf({ S: [noisy, quiet, quiet], Q: [quiet], K: [quiet] }).flaws, []);
  const { flaws } = lineOf({ S: [noisy, noisy, quiet], Q: [quiet], K: [noisy] });
  assert.deepEqual(flaws, ['others used up to 41 % of the machine (S, K)']);
});

test('for what should be low a goal is an upper bound', () => {
  const measured = { samples: { S: [sample(1)], Q: [sample(1, { cpuSeconds: 2 })] }, order: [] };
  const line = roundsLine({
    row: 19,
    workload: 'processor time',
    unit: 'us',
    us: 'S',
    measured,
    goals: [{ level: 'must', factor: 0.7, peers: ['Q'] }],
    better: 'lower',
    value: ({ cpuSeconds, operations4k }) => (cpuSeconds / operations4k) * 1e6,
  });
  assert.deepEqual(line.verdicts, [{ level: 'must', goal: '0.7 x Q', measured: 0.5, reached: true }]);
});

test('a goal that is a number is met from one side', () => {
  assert.deepEqual(limitVerdict(0.4, { level: 'must', limit: 0.5, unit: 's' }), {
    level: 'must',
    goal: 'at most 0.5 s',
    measured: 0.4,
    reached: true,
  });
  assert.equal(limitVerdict(0.4, { level: 'must', limit: 0.5, unit: '', atLeast: true }).reached, false);
});

test('numbers are short', () => {
  assert.deepEqual([123_456, 12_345, 1234, 12.34, 1.234, 0.0123].map(shortNumber), [
    '123k',
    '12.3k',
    '1234',
    '12.3',
    '1.23',
    '0.0123',
  ]);
  assert.equal(shortNumber(Number.NaN), '-');
});

test('the text names the form, the machine, every line and what is void', () => {
  const lines = [lineOf({ S: [sample(1)], Q: [sample(1, { cached: 0 })], K: [sample(1)] })];
  const text = textReport({ form: 'quick', startedAt: 'now', seed: 3, machine: { Memory: '1 GiB' }, flaws: [], lines });
  assert.match(text, /quick form.*seed 3/);
  assert.match(text, /Memory: 1 GiB/);
  assert.match(text, /^1 +random write +IOPS +1\.00 \(void\) +Q 1\.00, K 1\.00 +1\.5 x max\(Q, K\): 1\.00 NO/m);
  assert.match(text, /^VOID 1 random write: not all in the page cache \(Q\)$/m);
});
