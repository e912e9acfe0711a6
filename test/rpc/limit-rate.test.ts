import assert from 'node:assert/strict';
import { test } from 'node:test';

import ecsSdk from '@alicloud/ecs20140526';

import { ApiError } from '../../src/api/errors.ts';
import { DEFAULT_REQUEST_RATES, RateLimiter } from '../../src/rpc/limit-rate.ts';
import type { RequestRates } from '../../src/rpc/limit-rate.ts';
import { TestClock } from '../ram/support.ts';
import { ecsClient } from '../support/sdk-clients.ts';
import { openDoor } from './front-door.ts';
import { outcomeOf, send, v1Request } from './requests.ts';

const limiter = (rates: RequestRates): { admit: RateLimiter['admit']; clock: TestClock } => {
  const clock = new TestClock();
  const made = new RateLimiter(clock, rates);
  return { clock, admit: (...request) => made.admit(...request) };
};

/** How many of `attempts` get through, and what the next is told. */
function admitted(run: () => void, attempts: number): { count: number; error: ApiError | undefined } {
  for (let count = 0; count < attempts; count++) {
    try {
      run();
    } catch (error) {
      assert.ok(error instanceof ApiError);
      return { count, error };
    }
  }
  return { count: attempts, error: undefined };
}

test('one operation is limited, then the account as a whole, and other accounts not at all', () => {
  const { admit, clock } = limiter({ accountPerSecond: 3, operationPerSecond: 2 });
  const one = admitted(() => admit('1', 'ecs', 'DescribeDisks'), 100);
  assert.deepEqual([one.count, one.error?.code, one.error?.httpStatus], [20, 'Throttling.Api', 400]);
  assert.equal(one.error?.retryAfterMs, 500);
  const rest = admitted(() => admit('1', 'ecs', 'CreateDisk'), 100);
  assert.deepEqual([rest.count, rest.error?.code], [10, 'Throttling.User']);
  assert.equal(rest.error?.retryAfterMs, 334);
  assert.equal(admitted(() => admit('2', 'ecs', 'DescribeDisks'), 20).count, 20);
  clock.ms += 1000;
  assert.equal(admitted(() => admit('1', 'ecs', 'DescribeDisks'), 100).count, 2);
});

test('KMS says it with its own code, and AssumeRole has the documented rate', () => {
  const { admit } = limiter({ accountPerSecond: 0, operationPerSecond: 1 });
  const kms = admitted(() => admit('1', 'kms', 'Encrypt'), 100);
  assert.deepEqual([kms.count, kms.error?.code, kms.error?.httpStatus], [10, 'Rejected.Throttling', 429]);
  assert.equal(admitted(() => admit('1', 'sts', 'AssumeRole'), 2000).count, 1000);
});

test('without a limit nothing is limited, and the defaults leave room for a test suite', () => {
  const off = limiter({ accountPerSecond: 0, operationPerSecond: 0 });
  assert.equal(admitted(() => off.admit('1', 'sts', 'AssumeRole'), 100_000).count, 100_000);
  const usual = limiter(DEFAULT_REQUEST_RATES);
  assert.equal(admitted(() => usual.admit('1', 'ecs', 'DescribeDisks'), 20_000).count, 10_000);
});

test('a throttled request says when to come back, and the vendor’s SDK understands it', async () => {
  await using door = await openDoor({ limits: { rates: { accountPerSecond: 0, operationPerSecond: 1 } } });
  for (let times = 0; times < 10; times++) {
    const answer = await send(door.target, await v1Request(door.target, { Action: 'DescribeRegions' }));
    assert.equal(outcomeOf(answer), '200 accepted');
    assert.equal(answer.headers['x-acs-retry-after'], undefined);
  }
  const refused = await send(door.target, await v1Request(door.target, { Action: 'DescribeRegions' }));
  assert.equal(outcomeOf(refused), '400 Throttling.Api');
  const waitMs = Number(refused.headers['x-acs-retry-after']);
  assert.ok(waitMs >= 1 && waitMs <= 1000, String(waitMs));
  const call = ecsClient(door.target).describeRegions(new ecsSdk.DescribeRegionsRequest({}));
  await assert.rejects(call, (error: { code?: string; retryAfter?: number; name?: string }) => {
    assert.equal(error.code, 'Throttling.Api');
    assert.ok((error.retryAfter ?? 0) >= 1 && (error.retryAfter ?? 0) <= 1000, JSON.stringify(error));
    return true;
  });
  door.clock.shiftMs += 1000;
  const later = await send(door.target, await v1Request(door.target, { Action: 'DescribeRegions' }));
  assert.equal(outcomeOf(later), '200 accepted');
});
