import assert from 'node:assert/strict';
import { test } from 'node:test';

import { GroupCommit } from '../../../src/block/log/group-commit.ts';

test('all who ask while a run is under way share the next one', async () => {
  const gates: PromiseWithResolvers<void>[] = [];
  const group = new GroupCommit('at once', () => {
    gates.push(Promise.withResolvers<void>());
    return gates.at(-1)!.promise;
  });
  const first = group.join();
  const second = [group.join(), group.join()];
  assert.equal(gates.length, 1);
  gates[0]!.resolve();
  await first;
  assert.equal(gates.length, 2, 'what was asked for during the first run is not covered by it');
  let settled = false;
  void Promise.all(second).then(() => (settled = true));
  await new Promise(setImmediate);
  assert.equal(settled, false);
  gates[1]!.resolve();
  await Promise.all(second);
  await group.idle();
  assert.equal(group.isRunning, false);
});

test('a run that fails is told to those who shared it and to nobody else', async () => {
  let runs = 0;
  const group = new GroupCommit('after this turn', async () => {
    runs += 1;
    await new Promise(setImmediate);
    if (runs === 1) throw new Error('no');
  });
  const failing = [group.join(), group.join()];
  await Promise.resolve();
  const next = group.join();
  for (const one of failing) await assert.rejects(one, /no/);
  await next;
  assert.equal(runs, 2);
});

test('a run that begins after the turn covers what was asked for in the turn', async () => {
  let runs = 0;
  const group = new GroupCommit('after this turn', async () => {
    runs += 1;
  });
  const all = [group.join(), group.join(), group.join()];
  assert.equal(runs, 0);
  await Promise.all(all);
  assert.equal(runs, 1);
});
