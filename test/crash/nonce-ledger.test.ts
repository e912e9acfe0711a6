// No nonce is used for two messages under one key, whatever becomes of a disk's files. Each writer is a process of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { checkLedger, readLedger } from '../support/process-ledger.ts';
import { randomTimelines, Timelines } from './two-timelines.ts';

test('a disk, older copies of it put back, and copies that are written beside it never use a nonce twice', async () => {
  using timelines = new Timelines();
  await timelines.create();
  await timelines.write('d-1', 'close');
  timelines.copy('d-1', 'd-1-copy1');
  timelines.copy('d-1', 'd-1-copy2');
  // Both believe that they own the disk, and go on from the same head at the same time.
  await Promise.all([timelines.write('d-1', 'abandon'), timelines.write('d-1-copy1', 'abandon')]);
  await Promise.all([timelines.write('d-1', 'kill'), timelines.write('d-1-copy1', 'close')]);
  timelines.copy('d-1-copy2', 'd-1');
  await timelines.write('d-1', 'kill');
  // One crashed log, recovered twice, in two places.
  timelines.copy('d-1', 'd-1-copy3');
  await Promise.all([timelines.write('d-1', 'close'), timelines.write('d-1-copy3', 'close')]);
  const { seals, keys, processes } = checkLedger(timelines.ledger);
  assert.ok(seals > 300 && keys >= 9 && processes >= 8, `${seals} seals of ${processes} processes under ${keys} keys`);
});

test('random timelines with clones and deaths never use a nonce twice', async () => {
  using timelines = new Timelines();
  const writers = await randomTimelines(7, 10, timelines);
  assert.ok(checkLedger(timelines.ledger).processes >= writers);
});

test('two processes whose machine gives both the same random bytes still have keys of their own', async () => {
  using timelines = new Timelines();
  await timelines.create();
  timelines.copy('d-1', 'd-1-copy1');
  await Promise.all([timelines.write('d-1', 'close', 'frozen'), timelines.write('d-1-copy1', 'close', 'frozen')]);
  checkLedger(timelines.ledger);
});

test('the ledger sees a repeat: an engine that is handed one stream twice seals two messages under one nonce', async () => {
  using timelines = new Timelines();
  await timelines.create();
  timelines.copy('d-1', 'd-1-copy1');
  await Promise.all([timelines.write('d-1', 'close', '5'), timelines.write('d-1-copy1', 'close', '5')]);
  assert.ok(readLedger(timelines.ledger).repeats > 0);
});
