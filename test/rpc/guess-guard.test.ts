import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { test } from 'node:test';

import { ApiError } from '../../src/api/errors.ts';
import type { LogLine } from './front-door.ts';
import { GuessGuard } from '../../src/rpc/guess-guard.ts';
import { openDoor } from './front-door.ts';
import { outcomeOf, send, v1Request } from './requests.ts';

const LIMITS = { free: { burst: 3, perSecond: 0.1 }, delayMs: 1000, waitingMax: 2 };
const HERE = '192.0.2.1';

/** A clock on which sleepers wake when the test says so. */
class SteppedClock {
  ms = 0;
  readonly #sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];
  nowMs(): number {
    return this.ms;
  }
  monotonicMs(): number {
    return this.ms;
  }
  sleep(ms: number): Promise<void> {
    return new Promise((wake) => this.#sleepers.push({ atMs: this.ms + ms, wake }));
  }
  every(): Disposable {
    return { [Symbol.dispose]() {} };
  }
  async advance(ms: number): Promise<void> {
    this.ms += ms;
    for (const { atMs, wake } of this.#sleepers) if (atMs <= this.ms) wake();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function open() {
  const clock = new SteppedClock();
  const lines: LogLine['message'][] = [];
  const ignore = (): void => {};
  const warn = (_fields: object, message: string): void => void lines.push(message);
  const guard = new GuessGuard(clock, { debug: ignore, info: ignore, warn, error: ignore }, LIMITS);
  /** Settles as the answer to one wrong signature does. */
  const wrong = async (sourceIp = HERE, accessKeyId: string | undefined = 'ak'): Promise<string> => {
    try {
      await guard.begin(sourceIp, accessKeyId, 'ecs').wrong();
      return 'told';
    } catch (error) {
      assert.ok(error instanceof ApiError);
      assert.ok(error.retryAfterMs !== undefined);
      return error.code;
    }
  };
  const isAdmitted = (sourceIp = HERE, accessKeyId = 'ak'): boolean => {
    try {
      guard.begin(sourceIp, accessKeyId, 'ecs').right();
      return true;
    } catch {
      return false;
    }
  };
  return { clock, guard, lines, wrong, isAdmitted };
}

/** Uses up the free guesses of a pair and fills every waiting place. */
async function crowd(
  { wrong }: ReturnType<typeof open>,
  sourceIp = HERE,
  accessKeyId = 'ak',
): Promise<Promise<string>[]> {
  for (let times = 0; times < 3; times++) assert.equal(await wrong(sourceIp, accessKeyId), 'told');
  return [wrong(sourceIp, accessKeyId), wrong(sourceIp, accessKeyId)];
}

const stateOf = (promise: Promise<string>): Promise<string> =>
  Promise.race([promise, new Promise<string>((resolve) => setImmediate(() => resolve('held back')))]);

test('a few wrong signatures are answered at once, the further ones after a while, and the log says so', async () => {
  const opened = open();
  const [first, second] = await crowd(opened);
  assert.ok(first !== undefined && second !== undefined);
  assert.deepEqual([await stateOf(first), await stateOf(second)], ['held back', 'held back']);
  assert.deepEqual(opened.lines.length, 1);
  await opened.clock.advance(1000);
  assert.deepEqual([await first, await second], ['told', 'told']);
  await opened.clock.advance(9_000);
  assert.equal(await stateOf(opened.wrong()), 'told', 'one more is free each ten seconds');
  void opened.wrong();
  assert.equal(opened.lines.length, 1, 'the log is told once a minute');
  await opened.clock.advance(60_000);
  void (await crowd(opened));
  assert.equal(opened.lines.length, 2);
});

test('where no more answers can be held back, a guesser is sent away unheard', async () => {
  const opened = open();
  void (await crowd(opened));
  assert.equal(await opened.wrong(), 'Throttling.User');
  assert.equal(opened.isAdmitted(), false, 'a right guess is not looked at either');
  await opened.clock.advance(1000);
  assert.equal(opened.isAdmitted(), true);
});

test('whoever has signed rightly from an address is heard there, whatever others do', async () => {
  const opened = open();
  assert.ok(opened.isAdmitted());
  void (await crowd(opened));
  for (let times = 0; times < 100; times++) assert.ok(opened.isAdmitted());
  assert.equal(await opened.wrong(), 'Throttling.User', 'wrong ones are still not told');
  await opened.clock.advance(24 * 60 * 60 * 1000);
  void (await crowd(opened));
  assert.equal(opened.isAdmitted(), false, 'a proof lasts for a day');
});

test('so many right signatures are remembered, the latest ones', async () => {
  const opened = open();
  for (const sourceIp of [HERE, '192.0.2.2']) assert.ok(opened.isAdmitted(sourceIp));
  for (let address = 0; address < 9_999; address++) {
    opened.guard.begin(`10.0.${address >> 8}.${address & 255}`, 'ak', 'ecs').right();
  }
  void (await crowd(opened));
  void (await crowd(opened, '192.0.2.2'));
  assert.deepEqual([opened.isAdmitted(HERE), opened.isAdmitted('192.0.2.2')], [false, true]);
});

test('other addresses and other AccessKeys are not slowed', async () => {
  const opened = open();
  void (await crowd(opened));
  assert.ok(opened.isAdmitted('192.0.2.2', 'ak'));
  assert.ok(opened.isAdmitted(HERE, 'another'));
  assert.equal(await stateOf(opened.wrong('192.0.2.2', 'ak')), 'told');
});

test('AccessKey ids that do not exist share one account of guesses', async () => {
  const { wrong } = open();
  for (let times = 0; times < 3; times++) assert.equal(await wrong(HERE, undefined), 'told');
  assert.equal(await stateOf(wrong(HERE, undefined)), 'held back');
});

test('an IPv6 address counts with the network around it', async () => {
  const opened = open();
  void (await crowd(opened, '2001:db8:1:2::1'));
  assert.equal(opened.isAdmitted('2001:db8:1:2:ffff::9'), false);
  assert.equal(opened.isAdmitted('2001:db8:1:3::1'), true);
  assert.equal(opened.isAdmitted('2001:db8::1'), true);
});

test('the front door holds wrong signatures back and lets right ones through meanwhile', async () => {
  const guesses = { free: { burst: 2, perSecond: 0.001 }, delayMs: 300, waitingMax: 1 };
  await using door = await openDoor({ limits: { guesses } });
  const call = async (secret?: string): Promise<string> => {
    const options = secret === undefined ? {} : { secret };
    const answer = await send(door.target, await v1Request(door.target, { Action: 'DescribeRegions' }, options));
    if (outcomeOf(answer) === '400 Throttling.User') assert.equal(answer.headers['x-acs-retry-after'], '300');
    return outcomeOf(answer);
  };
  assert.equal(await call(), '200 accepted');
  assert.deepEqual([await call('x'), await call('x')], ['400 SignatureDoesNotMatch', '400 SignatureDoesNotMatch']);
  const startedMs = performance.now();
  const outcomes = await Promise.all([call('x'), call('x'), call('x'), call()]);
  assert.deepEqual(outcomes.toSorted(), [
    '200 accepted',
    '400 SignatureDoesNotMatch',
    '400 Throttling.User',
    '400 Throttling.User',
  ]);
  assert.ok(performance.now() - startedMs >= 290, 'the one that was told took its time');
});

test('an unknown AccessKey costs a signature like a known one', async () => {
  let checked = 0;
  const find = async () => {
    checked += 1;
    return undefined;
  };
  await using door = await openDoor({ credentials: { find } });
  const raw = await v1Request(door.target, { Action: 'DescribeRegions' });
  const { createHmac } = crypto;
  let signed = 0;
  crypto.createHmac = (algorithm, ...others) => {
    if (algorithm === 'sha1') signed += 1;
    return createHmac(algorithm, ...others);
  };
  syncBuiltinESMExports();
  try {
    assert.equal(outcomeOf(await send(door.target, raw)), '404 InvalidAccessKeyId.NotFound');
  } finally {
    crypto.createHmac = createHmac;
    syncBuiltinESMExports();
  }
  assert.deepEqual([checked, signed], [1, 1]);
});
