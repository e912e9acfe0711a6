import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PayloadPool } from '../../src/nbd/payload-pool.ts';

const KiB = 1024;

test('a buffer that was given back is used again, for payloads of about its size', () => {
  const pool = new PayloadPool();
  const first = pool.take(4 * KiB);
  pool.giveBack(first);
  assert.equal(pool.take(100).buffer, first.buffer);
  assert.notEqual(pool.take(100).buffer, first.buffer, 'nobody gets it twice');
  const long = pool.take(100 * KiB);
  assert.equal(long.length, 100 * KiB);
  pool.giveBack(long);
  assert.equal(pool.take(128 * KiB).buffer, long.buffer);
});

test('long payloads leave room for short ones, and either has a bound', () => {
  const pool = new PayloadPool();
  const long = Array.from({ length: 20 }, () => pool.take(1024 * KiB));
  const short = Array.from({ length: 100 }, () => pool.take(4 * KiB));
  for (const payload of [...long, ...short]) pool.giveBack(payload);
  const buffers = (payloads: readonly Buffer[]): Set<ArrayBufferLike> => new Set(payloads.map(({ buffer }) => buffer));
  const longAgain = long.map(() => pool.take(1024 * KiB));
  const shortAgain = short.map(() => pool.take(4 * KiB));
  assert.equal(buffers(shortAgain).intersection(buffers(short)).size, 100);
  assert.equal(buffers(longAgain).intersection(buffers(long)).size, 8);
});
