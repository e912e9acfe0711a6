import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseLatencyLog } from '../../bench/latency-log.ts';

test('a log of fio is when each request was answered and how long it took', () => {
  assert.deepEqual(parseLatencyLog('1795474597287, 1500000, 1, 4096, 0, 0\n1795474597288, 20000, 1, 4096, 4096, 0\n'), [
    { atMs: 1795474597287, milliseconds: 1.5 },
    { atMs: 1795474597288, milliseconds: 0.02 },
  ]);
  assert.deepEqual(parseLatencyLog(''), []);
});
