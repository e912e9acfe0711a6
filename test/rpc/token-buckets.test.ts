import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

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

test('whatever comes when, no more is let through than the rate allows, and what is told about waiting is true', () => {
  const step = fc.record({ afterMs: fc.nat(5_000), count: fc.integer({ min: 1, max: 20 }) });
  const rates = fc.record({ burst: fc.integer({ min: 1, max: 30 }), perSecond: fc.integer({ min: 1, max: 50 }) });
  fc.assert(
    fc.property(rates, fc.array(step, { maxLength: 40 }), (rate, steps) => {
      const clock = new TestClock();
      const startMs = clock.ms;
      const buckets = new TokenBuckets(clock);
      let taken = 0;
      for (const { afterMs, count } of steps) {
        clock.ms += afterMs;
        for (let attempt = 0; attempt < count; attempt++) {
          const waitMs = buckets.take('a', rate);
          if (waitMs === 0) {
            taken += 1;
            continue;
          }
          clock.ms += waitMs;
          assert.equal(buckets.take('a', rate), 0, `${waitMs} ms were enough`);
          taken += 1;
        }
        const allowed = rate.burst + ((clock.ms - startMs) / 1000) * rate.perSecond;
        assert.ok(taken <= allowed + 0.001, `${taken} of ${allowed}`);
      }
    }),
    { numRuns: 200 },
  );
});
