import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isNoisy, watchNoise } from '../../bench/noise.ts';
import { cpuSeconds, memoryBytes, parseMachineStat, parseProcessStat, residentBytes } from '../../bench/proc.ts';

test('times of a process are found behind a name with spaces and parentheses', () => {
  const text = '17 (a) b (c) S 2 17 17 0 -1 4194304 1 2 3 4 150 250 30 70 20 0 11 0 5 1 2';
  assert.deepEqual(parseProcessStat(text), { parent: 2, ownSeconds: 4, childrenSeconds: 1 });
});

test('the machine is busy with user, nice and system time, not while it waits', () => {
  const text = 'cpu  100 20 30 9999 888 7 6 50 40 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n';
  assert.deepEqual(parseMachineStat(text), { busySeconds: 1.5, stealSeconds: 0.5 });
});

test('this process has used time and memory, as the kernel sees it', () => {
  const before = cpuSeconds(process.pid);
  const endWatch = watchNoise([]);
  const end = performance.now() + 200;
  while (performance.now() < end);
  assert.ok(cpuSeconds(process.pid) > before);
  assert.equal(cpuSeconds(undefined), 0);
  assert.ok(residentBytes(process.pid) > 2 ** 20);
  assert.ok(memoryBytes('MemTotal') > memoryBytes('MemFree'));
  const { foreign, steal } = endWatch();
  // The kernel counts in ticks, late on a busy machine: there is no upper bound for 200 ms.
  assert.ok(foreign >= 0 && Number.isFinite(foreign) && Number.isFinite(steal), `${foreign}, ${steal}`);
});

test('a sample is noisy when programs or other machines took more than a little', () => {
  assert.ok(!isNoisy({ foreign: 0.02, steal: 0.01 }));
  assert.ok(isNoisy({ foreign: 0.2, steal: 0 }));
  assert.ok(isNoisy({ foreign: 0, steal: 0.1 }));
});
