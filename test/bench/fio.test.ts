import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseFio } from '../../bench/fio.ts';

const idle = { iops: 0, bw_bytes: 0, total_ios: 0, io_bytes: 0, clat_ns: {} };
const busy = {
  iops: 1000.5,
  bw_bytes: 4_098_048,
  total_ios: 500,
  io_bytes: 2_048_000,
  clat_ns: { percentile: { '50.000000': 20_000, '99.000000': 90_000, '99.900000': 1_000_000 } },
};

test('what fio says is taken from the direction that was used, behind its warnings', () => {
  const text = `fio: a warning\n${JSON.stringify({ jobs: [{ error: 0, read: idle, write: busy }] })}`;
  assert.deepEqual(parseFio(text), {
    iops: 1000.5,
    bytesPerSecond: 4_098_048,
    operations: 500,
    bytes: 2_048_000,
    latency: { median: 2e-5, p99: 9e-5, p999: 1e-3 },
  });
});

test('a run in which fio met an error is no result', () => {
  assert.throws(() => parseFio(JSON.stringify({ jobs: [{ error: 5, read: busy, write: idle }] })), /failed with 5/);
  assert.throws(() => parseFio(JSON.stringify({ jobs: [] })), /no job/);
});
