import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TokenBuckets } from '../../src/rpc/token-buckets.ts';
import { TestClock } from '../ram/support.ts';

const RATE = { burst: 3, perSecond: 2 };

test('a burst is taken at once, then so many a second', () => {
  const clock = new TestClock();
  const buckets = new TokenBuckets(clock);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => buckets.take('a', RATE)),
    [0, 0, 0, 500, 500],
  );
  clock.ms += 499;
  assert.equal(buckets.take('a', RATE), 1);
  clock.ms += 1;
  assert.deepEqual([buckets.take('a', RATE), buckets.take('a', RATE)], [0, 500]);
  clock.ms += 60_000;
  assert.deepEqual(
    [1, 2, 3, 4].map(() => buckets.take('a', RATE)),
    [0, 0, 0, 500],
    'no more than the burst is saved up',
  );
});

test('keys have buckets of their own, and asking takes nothing', () => {
  const buckets = new TokenBuckets(new TestClock());
  for (let times = 0; times < 3; times++) assert.equal(buckets.take('a', RATE), 0);
  assert.equal(buckets.waitMs('a'), 500);
  assert.equal(buckets.waitMs('a'), 500);
  assert.equal(buckets.waitMs('b'), 0);
  assert.equal(buckets.take('b', RATE), 0);
});

test('however many keys there are, the memory is bounded; full buckets are forgotten first', () => {
  const clock = new TestClock();
  const buckets = new TokenBuckets(clock, 100);
  for (let times = 0; times < 3; times++) buckets.take('drained', { burst: 3, perSecond: 0.001 });
  for (let key = 0; key < 90; key++) buckets.take(`old ${key}`, RATE);
  clock.ms += 1000;
  for (let key = 0; key < 50; key++) buckets.take(`new ${key}`, RATE);
  assert.ok(buckets.size <= 100, String(buckets.size));
  assert.ok(buckets.waitMs('drained') > 0, 'what is still filling is kept');
  for (let key = 0; key < 10_000; key++) buckets.take(`many ${key}`, { burst: 3, perSecond: 0.001 });
  assert.ok(buckets.size <= 100, String(buckets.size));
});
