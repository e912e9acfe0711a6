import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';

import { ReplyStream } from '../../src/nbd/reply-stream.ts';
import { SlabPool } from '../../src/nbd/slab-pool.ts';
import { settle } from './fixture.ts';

const KiB = 1024;

/** One reply: a header of one byte, then the data. */
function reply(stream: ReplyStream, mark: number, data: Uint8Array): void {
  const out = stream.room(1);
  out[stream.at] = mark;
  stream.at += 1;
  stream.appendData(data);
  stream.endReply(data.length);
}

test('what waits to be written stays as it is while another connection takes slabs', async () => {
  const pool = new SlabPool();
  const sent: Buffer[] = [];
  const takes: (() => void)[] = [];
  const socket = new Writable({
    write: (chunk: Buffer, _encoding, taken) => {
      sent.push(chunk);
      takes.push(taken);
    },
  });
  const stream = new ReplyStream(socket, pool, () => {});
  reply(stream, 1, Buffer.alloc(10, 1));
  await settle();
  // A long reply: its header lies closed in the slab, and no write for it has begun when the first one is taken.
  reply(stream, 2, Buffer.alloc(40 * KiB, 2));
  takes.shift()?.();
  await new Promise((resolve) => process.nextTick(resolve));
  const others = Array.from({ length: 3 }, () => pool.take().fill(0xff));
  while (sent.length < 3) {
    await settle();
    takes.shift()?.();
  }
  assert.ok(Buffer.concat(sent.slice(1)).equals(Buffer.alloc(40 * KiB + 1, 2)));
  assert.equal(others.length, 3);
});

test('replies come out whole and in order, whatever their sizes', async () => {
  const sizes = [0, 1, 32 * KiB, 32 * KiB + 1, 300 * KiB, 5, 32 * KiB, ...Array.from({ length: 20 }, () => 31 * KiB)];
  const sent: Buffer[] = [];
  const socket = new Writable({ write: (chunk: Buffer, _encoding, done) => done(void sent.push(Buffer.from(chunk))) });
  let taken = 0;
  const stream = new ReplyStream(socket, new SlabPool(), (requests) => (taken += requests));
  sizes.forEach((size, i) => reply(stream, i + 1, Buffer.alloc(size, i + 1)));
  await settle();
  assert.equal(taken, sizes.length);
  assert.ok(Buffer.concat(sizes.map((size, i) => Buffer.alloc(size + 1, i + 1))).equals(Buffer.concat(sent)));
});

test('nothing is held when nothing waits, and what a lost connection held comes back', async () => {
  const pool = new SlabPool();
  const first = pool.take();
  pool.giveBack(first);
  const idle = new ReplyStream(new PassThrough(), pool, () => {});
  reply(idle, 1, Buffer.alloc(1));
  await settle();
  assert.equal(pool.take(), first, 'the slab is free again');

  let [requests, bytes] = [0, 0];
  const stuck = new Writable({ write: () => {} });
  const stream = new ReplyStream(stuck, pool, (count, held) => ([requests, bytes] = [requests + count, bytes + held]));
  reply(stream, 1, Buffer.alloc(100));
  await settle();
  reply(stream, 2, Buffer.alloc(20));
  assert.deepEqual([requests, bytes], [0, 0]);
  stream.close();
  await settle();
  assert.deepEqual([requests, bytes], [2, 120]);
});
