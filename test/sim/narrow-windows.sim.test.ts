import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  crashAfterFailedHeadSync,
  crashInClose,
  crashInCreate,
  crashInFirstWrite,
  crashInSnapshots,
  writeOnAfterFailedClose,
} from './narrow-windows.ts';

const SEEDS = 12;

/** Runs `crash` at call 1, 2, 3 … of the operation, until it has no more. */
async function atEveryCall(crash: (seed: number, n: number) => Promise<boolean>): Promise<number> {
  let crashes = 0;
  for (let seed = 1; seed <= SEEDS; seed++) for (let n = 1; await crash(seed, n); n++) crashes += 1;
  return crashes;
}

test('a crash at any call of a close, an open for reading, then power loss: the pinned state is there', async () => {
  assert.ok((await atEveryCall(crashInClose)) > 14 * SEEDS, 'a close makes more than 14 calls');
});

test('a crash at any call of the first write after an open, then power loss, leaves a disk that opens', async () => {
  assert.ok((await atEveryCall(crashInFirstWrite)) > 8 * SEEDS, 'a first write makes more than 8 calls');
});

test('a crash at any call of two snapshots, then power loss, leaves what the last pin says', async () => {
  assert.ok((await atEveryCall(crashInSnapshots)) > 16 * SEEDS, 'two snapshots make more than 16 calls');
});

test('a head that is right in memory only, after a failed sync, is not believed by the next process', async () => {
  assert.ok((await atEveryCall(crashAfterFailedHeadSync)) > 25 * SEEDS, 'an open and a write make more than 25 calls');
});

test('a crash at any call of making a disk leaves a whole disk or none', async () => {
  assert.ok((await atEveryCall(crashInCreate)) > 15 * SEEDS, 'making a disk makes more than 15 calls');
});

test('a disk whose close failed at its head keeps what is flushed afterwards', async () => {
  assert.equal(await atEveryCall(writeOnAfterFailedClose), 2 * SEEDS, 'a head is synced in two places');
});
