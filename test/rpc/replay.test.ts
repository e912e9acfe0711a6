import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { ApiError } from '../../src/api/errors.ts';
import { isoSeconds } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { NonceJournal } from '../../src/rpc/nonce-journal.ts';
import { ReplayGuard } from '../../src/rpc/replay.ts';
import { openDoor, ShiftedClock } from './front-door.ts';
import { outcomeOf, send, v1Request, v3Request } from './requests.ts';

const MINUTE = 60_000;

class StillClock extends ShiftedClock {
  override nowMs(): number {
    return Date.UTC(2026, 10, 23, 8) + this.shiftMs;
  }
  override monotonicMs(): number {
    return this.shiftMs;
  }
}

const codeOf = (run: () => void): string => {
  try {
    run();
    return 'accepted';
  } catch (error) {
    assert.ok(error instanceof ApiError);
    assert.equal(error.httpStatus, 400);
    return error.code;
  }
};

function tempDirectory(): Disposable & { readonly path: string } {
  const directory = mkdtempSync(path.join(tmpdir(), 'sealdisk-nonces-'));
  return { path: directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}

test('the same signed request is answered once, in both styles', async () => {
  await using door = await openDoor();
  for (const raw of [
    await v1Request(door.target, { Action: 'DescribeRegions' }),
    await v3Request(door.target, 'DescribeRegions'),
  ]) {
    const answers = await Promise.all([send(door.target, raw), send(door.target, raw)]);
    assert.deepEqual(answers.map(outcomeOf).toSorted(), ['200 accepted', '400 SignatureNonceUsed']);
    const third = await send(door.target, raw);
    assert.equal(third.body['Code'], 'SignatureNonceUsed');
  }
});

test('a request is good for 15 minutes before and after the time it names', () => {
  const clock = new StillClock();
  const guard = new ReplayGuard(clock);
  const at = (offsetMs: number): string =>
    codeOf(() => guard.accept('ak', isoSeconds(clock.nowMs() + offsetMs), String(Math.random())));
  assert.equal(at(15 * MINUTE), 'accepted');
  assert.equal(at(-15 * MINUTE), 'accepted');
  assert.equal(at(15 * MINUTE + 1000), 'InvalidTimeStamp.Expired');
  assert.equal(at(-15 * MINUTE - 1000), 'InvalidTimeStamp.Expired');
});

test('times of another form are refused', () => {
  const guard = new ReplayGuard(new StillClock());
  for (const time of [
    '',
    '2026-11-23',
    '2026-11-23T08:00:00',
    '2026-11-23T08:00:00+08:00',
    '2026-13-23T08:00:00Z',
    '1795420800',
    'now',
  ]) {
    assert.equal(
      codeOf(() => guard.accept('ak', time, 'n')),
      'InvalidTimeStamp.Format',
      time,
    );
  }
});

test('a nonce is remembered until no request that bears it can be in time', () => {
  const clock = new StillClock();
  const guard = new ReplayGuard(clock);
  // Stamped ahead as far as is accepted: in time for half an hour.
  const stamp = isoSeconds(clock.nowMs() + 15 * MINUTE);
  assert.equal(
    codeOf(() => guard.accept('ak', stamp, 'n')),
    'accepted',
  );
  for (let minute = 0; minute < 30; minute++) {
    clock.shiftMs += MINUTE;
    // Other requests keep the generations turning.
    guard.accept('ak', isoSeconds(clock.nowMs()), `other-${minute}`);
    assert.equal(
      codeOf(() => guard.accept('ak', stamp, 'n')),
      'SignatureNonceUsed',
      `minute ${minute}`,
    );
  }
  clock.shiftMs += MINUTE;
  assert.equal(
    codeOf(() => guard.accept('ak', stamp, 'n')),
    'InvalidTimeStamp.Expired',
  );
});

test('a nonce belongs to its AccessKey', () => {
  const clock = new StillClock();
  const guard = new ReplayGuard(clock);
  const now = isoSeconds(clock.nowMs());
  assert.equal(
    codeOf(() => guard.accept('a', now, 'n')),
    'accepted',
  );
  assert.equal(
    codeOf(() => guard.accept('b', now, 'n')),
    'accepted',
  );
  assert.equal(
    codeOf(() => guard.accept('a', now, 'n')),
    'SignatureNonceUsed',
  );
});

test('a restart does not let a captured request in again, and neither do many', () => {
  using directory = tempDirectory();
  const clock = new StillClock();
  const stamp = isoSeconds(clock.nowMs() + 15 * MINUTE);
  const restarted = (): ReplayGuard => new ReplayGuard(clock, new NonceJournal(directory.path, silentLogger));
  assert.equal(
    codeOf(() => restarted().accept('ak', stamp, 'n')),
    'accepted',
  );
  for (let minute = 0; minute < 30; minute += 3) {
    const guard = restarted();
    guard.accept('ak', isoSeconds(clock.nowMs()), `other-${minute}`);
    assert.equal(
      codeOf(() => guard.accept('ak', stamp, 'n')),
      'SignatureNonceUsed',
      `minute ${minute}`,
    );
    clock.shiftMs += 3 * MINUTE;
  }
});

test('a server that ran for long before the restart has written every nonce that still counts', () => {
  using directory = tempDirectory();
  const clock = new StillClock();
  const guard = new ReplayGuard(clock, new NonceJournal(directory.path, silentLogger));
  const stamps = new Map<string, string>();
  for (let minute = 0; minute < 100; minute++) {
    const stamp = isoSeconds(clock.nowMs());
    guard.accept('ak', stamp, `n${minute}`);
    stamps.set(`n${minute}`, stamp);
    clock.shiftMs += MINUTE;
  }
  const after = new ReplayGuard(clock, new NonceJournal(directory.path, silentLogger));
  for (const [nonce, stamp] of stamps) {
    assert.match(
      codeOf(() => after.accept('ak', stamp, nonce)),
      /SignatureNonceUsed|Expired/,
      nonce,
    );
  }
});

test('the nonce file does not grow from restart to restart, and a torn line does no harm', () => {
  using directory = tempDirectory();
  const clock = new StillClock();
  const guard = new ReplayGuard(clock, new NonceJournal(directory.path, silentLogger));
  for (let i = 0; i < 100; i++) guard.accept('ak', isoSeconds(clock.nowMs()), `n${i}`);
  appendFileSync(path.join(directory.path, 'nonces'), 'torn');
  clock.shiftMs += 31 * MINUTE;
  void new ReplayGuard(clock, new NonceJournal(directory.path, silentLogger));
  for (const name of ['nonces', 'nonces.previous']) {
    const { size, mode } = statSync(path.join(directory.path, name));
    assert.equal(size, 0, name);
    assert.equal(mode & 0o777, 0o600);
  }
});

test('a directory that cannot be written is named once, and requests go on', () => {
  using directory = tempDirectory();
  const file = path.join(directory.path, 'file');
  appendFileSync(file, '');
  const warnings: string[] = [];
  const log = { ...silentLogger, warn: (_fields: unknown, message: string) => void warnings.push(message) };
  const clock = new StillClock();
  const guard = new ReplayGuard(clock, new NonceJournal(path.join(file, 'below'), log));
  assert.equal(
    codeOf(() => guard.accept('ak', isoSeconds(clock.nowMs()), 'n')),
    'accepted',
  );
  assert.equal(
    codeOf(() => guard.accept('ak', isoSeconds(clock.nowMs()), 'n')),
    'SignatureNonceUsed',
  );
  assert.equal(warnings.length, 1);
});

test('a wrong clock is told from a wrong signature, with the time of the server', async () => {
  await using door = await openDoor();
  door.clock.shiftMs = 20 * MINUTE;
  for (const raw of [
    await v1Request(door.target, { Action: 'DescribeRegions' }),
    await v3Request(door.target, 'DescribeRegions'),
  ]) {
    const { body } = await send(door.target, raw);
    assert.equal(body['Code'], 'InvalidTimeStamp.Expired');
    const [, theirs = '', ours = ''] = /time (\S+Z) .* server's, which is (\S+Z)\./.exec(String(body['Message'])) ?? [];
    assert.ok(Math.abs(Date.parse(ours) - Date.parse(theirs) - 20 * MINUTE) <= 2000, String(body['Message']));
  }
  const forged = await v1Request(door.target, { Action: 'DescribeRegions' }, { secret: 'x' });
  assert.equal((await send(door.target, forged)).body['Code'], 'SignatureDoesNotMatch');
});

test('so many nonces are remembered and no more, half of them of one account, until the older ones are forgotten', () => {
  const clock = new StillClock();
  const guard = new ReplayGuard(clock, undefined, 4);
  const next = (nonce: string, accountId: string): string =>
    codeOf(() => guard.accept(`ak of ${accountId}`, isoSeconds(clock.nowMs()), nonce, accountId));
  assert.deepEqual(
    ['a', 'b', 'c'].map((nonce) => next(nonce, '1')),
    ['accepted', 'accepted', 'Throttling'],
  );
  assert.deepEqual(
    ['a', 'b', 'c'].map((nonce) => next(nonce, '2')),
    ['accepted', 'accepted', 'Throttling'],
  );
  assert.equal(next('a', '3'), 'Throttling');
  clock.shiftMs += 30 * MINUTE;
  assert.deepEqual([next('a', '1'), next('c', '1')], ['SignatureNonceUsed', 'accepted']);
});
