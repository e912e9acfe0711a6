import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemClock } from '../src/base/system-clock.ts';
import { clockOf, describeAhead, openServerClock } from '../src/test-clock.ts';
import { openTestDatabase } from './metadata/support.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const stopped = { ...systemClock, nowMs: () => 1_000_000 };

test('a test clock goes forward, stays there for the next server, and for commands without one', async () => {
  await using opened = await openTestDatabase();
  const { clock, test: testClock } = await openServerClock(opened.database, stopped, true);
  assert.equal(clock.nowMs(), 1_000_000);
  await testClock?.advance(8 * DAY_MS);
  await testClock?.advance(1000);
  assert.equal(clock.nowMs(), 1_000_000 + 8 * DAY_MS + 1000);
  const next = await openServerClock(opened.database, stopped, true);
  assert.equal(next.clock.nowMs(), clock.nowMs());
  assert.equal((await clockOf(opened.database, stopped)).nowMs(), clock.nowMs());
});

test('a test clock does not go back, nor beyond a century', async () => {
  await using opened = await openTestDatabase();
  const { clock, test: testClock } = await openServerClock(opened.database, stopped, true);
  for (const ms of [0, -1, 1.5, Number.NaN, Infinity, 36_501 * DAY_MS])
    await assert.rejects(async () => testClock?.advance(ms), { kind: 'invalid', code: 'CLOCK_TOO_FAR' });
  assert.equal(clock.nowMs(), 1_000_000);
  await testClock?.advance(36_500 * DAY_MS);
  await assert.rejects(async () => testClock?.advance(1), { code: 'CLOCK_TOO_FAR' });
});

test('without the flag a directory whose clock was moved is refused, and one whose clock never was is not', async () => {
  await using opened = await openTestDatabase();
  const real = await openServerClock(opened.database, stopped, false);
  assert.deepEqual([real.clock, real.test], [stopped, undefined]);
  await (await openServerClock(opened.database, stopped, true)).test?.advance(8 * DAY_MS);
  await assert.rejects(openServerClock(opened.database, stopped, false), {
    kind: 'conflict',
    code: 'CLOCK_WAS_MOVED',
    message: /8 days ahead.*--test-clock/,
  });
});

test('how far ahead a clock is, is told in a unit that fits', () => {
  const told = [8 * DAY_MS, DAY_MS * 1.5, 90 * 60_000, 90_000, 0].map((ms) => describeAhead(ms));
  assert.deepEqual(told, ['8 days ahead', '36 hours ahead', '1.5 hours ahead', '1.5 minutes ahead', '0 days ahead']);
});
