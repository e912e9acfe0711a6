import assert from 'node:assert/strict';
import { test } from 'node:test';

import { comesInAnyNumber, RefusalLimiter } from '../../src/audit/refusal-limiter.ts';
import { StillClock } from './test-log.ts';

test('of a flood of refusals thirty a minute have records, and all others are counted', () => {
  const clock = new StillClock();
  const limiter = new RefusalLimiter(clock);
  const admitted = Array.from({ length: 100_000 }, (_, i) =>
    limiter.admit(
      i % 2 === 0 ? 'SignatureDoesNotMatch' : 'MissingParameter',
      `10.0.${Math.floor(i / 250) % 250}.${i % 250}`,
    ),
  ).filter(Boolean);
  assert.equal(admitted.length, 30);
  assert.equal(limiter.due('when over'), undefined);
  clock.ms += 60_000;
  const counted = limiter.due('when over');
  assert.ok(counted !== undefined);
  assert.deepEqual([counted.count, counted.from], [99_970, '2026-11-24T08:00:00.000Z']);
  assert.deepEqual(counted.codes, { SignatureDoesNotMatch: 49_985, MissingParameter: 49_985 });
  assert.equal(Object.keys(counted.sources).length, 17);
  assert.ok(JSON.stringify(counted).length < 2_000);
  assert.equal(limiter.due('now'), undefined);
  assert.equal(limiter.admit('MissingParameter', '10.0.0.1'), true);
});

test('a quiet minute leaves no record', () => {
  const clock = new StillClock();
  const limiter = new RefusalLimiter(clock);
  assert.equal(limiter.admit('MissingParameter', '::1'), true);
  clock.ms += 120_000;
  assert.equal(limiter.due('when over'), undefined);
});

test('requests that anybody can repeat, and throttled ones of every product, are counted; what an account did is not', () => {
  for (const code of [
    'SignatureNonceUsed',
    'InvalidTimeStamp.Expired',
    'Throttling',
    'Throttling.User',
    'Throttling.Api',
  ])
    assert.ok(comesInAnyNumber(code), code);
  assert.ok(comesInAnyNumber('Rejected.Throttling'), 'as KMS calls it');
  for (const code of ['OK', 'Forbidden.RAM', 'Rejected.Disabled', 'InvalidTimeStamp.Format', 'InvalidParameter'])
    assert.ok(!comesInAnyNumber(code), code);
});
