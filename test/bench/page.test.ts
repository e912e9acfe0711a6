import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { PAGE, withReport } from '../../bench/page.ts';
import type { Report } from '../../bench/report.ts';

const report: Report = {
  form: 'full',
  startedAt: 'today',
  seed: 3,
  machine: { Memory: '1 GiB' },
  flaws: [],
  lines: [
    {
      row: 4,
      workload: 'writes',
      unit: 'IOPS',
      ours: 50,
      others: { Q: 100 },
      verdicts: [{ level: 'must', goal: '1 x Q', measured: 0.5, reached: false }],
      flaws: [],
      notes: ['a note'],
    },
  ],
};

test('the table stands between the markers of the page, and replaces the one before', () => {
  const page = readFileSync(PAGE, 'utf8');
  const once = withReport(page, report);
  assert.match(once, /^\| 4 \| writes \| IOPS \| 50\.0 \| Q 100 \| 1 x Q: 0\.50 NO \|  \|$/m);
  assert.match(once, /^- Memory: 1 GiB$/m);
  assert.match(once, /^- Row 4, writes: 1 x Q, measured 0\.50\.$/m);
  assert.equal(withReport(once, report), once);
  const [before] = page.split('## The last run');
  assert.ok(once.startsWith(before ?? ''));
});

test('the table of the API has a place of its own', () => {
  const page = readFileSync(PAGE, 'utf8');
  const both = withReport(withReport(page, report), { ...report, startedAt: 'tomorrow' }, 'api');
  assert.match(both, /begun today[^]*begun tomorrow/);
  assert.equal(withReport(both, report), both);
});

test('a page without markers is left alone', () => {
  assert.throws(() => withReport('# Benchmarks\n', report), /markers/);
});
