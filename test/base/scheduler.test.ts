import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';

import type { Clock } from '../../src/base/clock.ts';
import { Scheduler } from '../../src/base/scheduler.ts';
import type { WaitingWork } from '../../src/base/scheduler.ts';

/** Time passes when a test says so: a sleep ends when its time has come. */
class StoppedClock implements Clock {
  #nowMs = 1_000_000;
  readonly #sleepers: { untilMs: number; wake: () => void }[] = [];

  /** How long somebody sleeps from now on, at most. */
  get pauseMs(): number {
    return Math.min(...this.#sleepers.map(({ untilMs }) => untilMs)) - this.#nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) reject(signal.reason as Error);
      this.#sleepers.push({ untilMs: this.#nowMs + ms, wake: resolve });
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }

  every(): Disposable {
    throw new Error('nobody asks for this here');
  }

  /** Lets time pass, and everybody do what it brings. */
  async pass(ms: number): Promise<void> {
    this.#nowMs += ms;
    for (const { wake } of this.#sleepers.filter(({ untilMs }) => untilMs <= this.#nowMs)) wake();
    this.#sleepers.splice(0, Infinity, ...this.#sleepers.filter(({ untilMs }) => untilMs > this.#nowMs));
    await settled();
  }
}

/** Until everything that can happen now has happened. */
async function settled(): Promise<void> {
  for (let count = 0; count < 20; count++) await turn();
}

async function openScheduler(work: Readonly<Record<string, (clock: StoppedClock) => ReturnType<WaitingWork>>>) {
  const clock = new StoppedClock();
  const logged: string[] = [];
  const log = { debug() {}, info() {}, warn() {}, error: (_fields: object, message: string) => logged.push(message) };
  const bound = Object.fromEntries(Object.entries(work).map(([name, run]) => [name, () => run(clock)]));
  const scheduler = new Scheduler(clock, log, bound);
  scheduler.start();
  await settled();
  return { clock, logged, scheduler, [Symbol.asyncDispose]: () => scheduler[Symbol.asyncDispose]() };
}

test('what waits is woken at the time that it named, and looked at once a minute', async () => {
  let runs = 0;
  const dueMs = 1_000_000 + 90_000;
  await using t = await openScheduler({
    keys: async () => {
      runs += 1;
      return dueMs;
    },
  });
  assert.deepEqual([runs, t.clock.pauseMs], [1, 60_000]);
  await t.clock.pass(60_000);
  assert.deepEqual([runs, t.clock.pauseMs], [2, 30_000]);
  await t.clock.pass(29_999);
  assert.equal(runs, 2);
  await t.clock.pass(1);
  assert.equal(runs, 3);
});

test('work that fails is logged, tried again after a minute, and keeps no other from its turn', async () => {
  const ran: string[] = [];
  await using t = await openScheduler({
    broken: async () => {
      ran.push('broken');
      throw new Error('no space');
    },
    other: async () => {
      ran.push('other');
      return undefined;
    },
  });
  assert.deepEqual(ran, ['broken', 'other']);
  assert.deepEqual(t.logged, ['broken: failed, and is tried again']);
  assert.equal(t.clock.pauseMs, 60_000);
  await t.clock.pass(60_000);
  assert.deepEqual(ran, ['broken', 'other', 'broken', 'other']);
});

test('work that stays due is not run in a circle', async () => {
  let runs = 0;
  await using t = await openScheduler({
    stuck: async (clock) => {
      runs += 1;
      return clock.nowMs() - 1;
    },
  });
  assert.deepEqual([runs, t.clock.pauseMs], [1, 60_000]);
});

test('runDue does what is due now before it settles, one pass at a time', async () => {
  let running = 0;
  let runs = 0;
  await using t = await openScheduler({
    slow: async () => {
      running += 1;
      assert.equal(running, 1, 'two passes at once');
      await turn();
      running -= 1;
      runs += 1;
      return undefined;
    },
  });
  assert.equal(runs, 1);
  await Promise.all([t.scheduler.runDue(), t.scheduler.runDue()]);
  assert.equal(runs, 3);
});

test('a scheduler that is disposed finishes the piece of work that runs, and begins no other', async () => {
  const ran: string[] = [];
  let finish = (): void => {};
  const t = await openScheduler({
    first: () =>
      new Promise((resolve) => {
        finish = () => {
          ran.push('first');
          resolve(undefined);
        };
      }),
    second: async () => {
      ran.push('second');
      return undefined;
    },
  });
  const disposed = t.scheduler[Symbol.asyncDispose]();
  finish();
  await disposed;
  assert.deepEqual(ran, ['first']);
});
