// The operating system may move fewer bytes than it was asked to, or be interrupted before it moved any.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { after, test } from 'node:test';

import { Seeded } from '../../sim/seeded.ts';
import { blockOf, DiskBench } from '../disk-fixture.ts';

const real = { read: fs.read, write: fs.write, writeSync: fs.writeSync };
const random = new Seeded(11);
const reached = { short: 0, interrupted: 0 };

/** Fewer bytes than wanted, but not none. */
function fewer(length: number): number {
  const moved = length > 1 && random.chance(0.5) ? 1 + random.below(length) : length;
  if (moved < length) reached.short += 1;
  return moved;
}

function interrupted(): Error | undefined {
  if (!random.chance(0.2)) return undefined;
  reached.interrupted += 1;
  return Object.assign(new Error('EINTR: interrupted system call'), { code: 'EINTR' });
}

type Callback = (error: Error | null, count: number, buffer: Uint8Array) => void;

function shortAsync(call: typeof fs.read | typeof fs.write) {
  return (fd: number, buffer: Uint8Array, offset: number, length: number, position: number, done: Callback): void => {
    const error = interrupted();
    if (error !== undefined) setImmediate(done, error, 0, buffer);
    else (call as typeof fs.read)(fd, buffer, offset, fewer(length), position, done as never);
  };
}

fs.read = shortAsync(real.read) as unknown as typeof fs.read;
fs.write = shortAsync(real.write) as unknown as typeof fs.write;
fs.writeSync = ((fd: number, buffer: Uint8Array, offset: number, length: number, position: number) => {
  const error = interrupted();
  if (error !== undefined) throw error;
  return real.writeSync(fd, buffer, offset, fewer(length), position);
}) as typeof fs.writeSync;
syncBuiltinESMExports();
after(() => {
  Object.assign(fs, real);
  syncBuiltinESMExports();
});

test('short and interrupted reads and writes change nothing about a disk, its log and its recovery', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: { segmentSlots: 20, mapPages: 2 } });
  await bench.create();
  let disk = await bench.open();
  const content = Buffer.alloc(90 * 4096);
  for (let i = 0; i < 90; i++) content.set(blockOf(i + 1), i * 4096);
  // More than is written at once, in one piece and in small ones.
  await disk.write(4096, content, { fua: false });
  for (let i = 0; i < 30; i++) await disk.write(i * 3 * 4096, blockOf(1_000 + i), { fua: i % 5 === 0 });
  for (let i = 0; i < 30; i++) if (i > 0) content.set(blockOf(1_000 + i), (i * 3 - 1) * 4096);
  await disk.snapshot('s-1');
  assert.ok(Buffer.from(await disk.read(4096, content.length)).equals(content));
  await disk.abandon();
  disk = await bench.open();
  assert.equal(disk.recovered, true);
  assert.ok(Buffer.from(await disk.read(4096, content.length)).equals(content));
  await disk.close();
  assert.deepEqual(bench.log.errors(), []);
  assert.ok(reached.short > 40 && reached.interrupted > 20, JSON.stringify(reached));
});
