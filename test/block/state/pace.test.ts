import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DEFAULT_LIMITS } from '../../../src/block/files/environment.ts';
import type { FileSystem, OpenFile } from '../../../src/block/files/file-system.ts';
import { localFiles } from '../../../src/block/files/local-files.ts';
import { Pace } from '../../../src/block/state/pace.ts';
import { blockOf, DiskBench } from '../disk-fixture.ts';

const CHECKPOINT_AT = 64;
const LIMITS = { segmentSlots: 256, checkpointSlots: CHECKPOINT_AT, checkpointChanges: CHECKPOINT_AT };
const WRITERS = 4;
/** Byte of a segment's header, and its value in a map segment. Source: docs/formats/segment.md. */
const KIND_AT = 10;
const KIND_MAP = 2;

/** Files whose map segments pass through `gate` before their first byte is written. */
function gated(gate: () => Promise<void>): FileSystem {
  return {
    ...localFiles,
    create: async (path: string): Promise<OpenFile> => {
      const file = await localFiles.create(path);
      return {
        read: (buffer, position) => file.read(buffer, position),
        sizeBytes: () => file.sizeBytes(),
        sync: () => file.sync(),
        close: () => file.close(),
        write: async (bytes, position) => {
          if (position === 0 && bytes[KIND_AT] === KIND_MAP) await gate();
          await file.write(bytes, position);
        },
      };
    },
  };
}

test('what writes may add grows with what the checkpoint has merged', async () => {
  const pace = new Pace({ ...DEFAULT_LIMITS, checkpointChanges: 800, checkpointSlots: 1_600 }, 10_000);
  assert.ok(!pace.mustWait(99, 10_199));
  assert.ok(pace.mustWait(100, 10_000) && pace.mustWait(0, 10_200));
  let moved = 0;
  void pace.moved().then(() => (moved += 1));
  pace.advance(0.5);
  await Promise.resolve();
  assert.equal(moved, 1);
  assert.ok(!pace.mustWait(449, 10_899));
  assert.ok(pace.mustWait(450, 10_000) && pace.mustWait(0, 10_900));
  pace.advance(1);
  assert.ok(!pace.mustWait(799, 11_599));
  assert.ok(pace.mustWait(800, 10_000), 'never more than what makes the next checkpoint due');
});

test('writes wait for a checkpoint that falls behind, flushes and reads do not, and all of it ends with a close', async () => {
  const opened = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const gate = (): Promise<void> => {
    reached.resolve();
    return opened.promise;
  };
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS, files: gated(gate) });
  await bench.create();
  const disk = await bench.open();
  let answered = 0;
  const total = 8 * CHECKPOINT_AT;
  const write = async (first: number): Promise<void> => {
    for (let block = first; block < total; block += WRITERS) {
      await disk.write(block * 4096, blockOf(block + 1), { fua: false });
      answered += 1;
    }
  };
  const writing = Promise.all(Array.from({ length: WRITERS }, (_, i) => write(i)));
  await reached.promise;
  // As many turns of flush as all the writes would need if nothing held them.
  for (let i = 0; i < total; i++) await disk.flush();
  const held = answered;
  assert.ok(held >= CHECKPOINT_AT && held <= 2 * CHECKPOINT_AT + WRITERS, `${held} writes were answered`);
  assert.deepEqual(Buffer.from(await disk.read(0, 4096)), Buffer.from(blockOf(1)));
  opened.resolve();
  await writing;
  assert.equal(answered, total);
  await disk.close();
  const again = await bench.open();
  for (let block = 0; block < total; block++)
    assert.deepEqual(Buffer.from(await again.read(block * 4096, 4096)), Buffer.from(blockOf(block + 1)));
  await again.close();
});

test('a close and a loss of the disk end while writes wait', async () => {
  for (const end of ['close', 'abandon'] as const) {
    const opened = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const gate = (): Promise<void> => {
      reached.resolve();
      return opened.promise;
    };
    using bench = new DiskBench('aes-256-gcm', { limits: LIMITS, files: gated(gate) });
    await bench.create();
    const disk = await bench.open();
    for (let block = 0; block < CHECKPOINT_AT; block++) await disk.write(block * 4096, blockOf(1), { fua: false });
    await reached.promise;
    const writes = Array.from({ length: CHECKPOINT_AT }, (_, i) => disk.write(i * 4096, blockOf(2), { fua: false }));
    const settled = Promise.allSettled(writes);
    const ended = disk[end]();
    opened.resolve();
    await ended;
    const results = await settled;
    assert.ok(end === 'abandon' || results.every(({ status }) => status === 'fulfilled'));
    await (await bench.open()).close();
  }
});

test('when there is no space for a checkpoint, writes go on without it', async () => {
  let full = true;
  const gate = (): Promise<void> =>
    full ? Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })) : Promise.resolve();
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS, files: gated(gate) });
  await bench.create();
  const disk = await bench.open();
  const total = 6 * CHECKPOINT_AT;
  for (let block = 0; block < total; block++) await disk.write(block * 4096, blockOf(block + 1), { fua: false });
  assert.ok(bench.log.lines.some(({ message }) => message === 'a checkpoint failed'));
  full = false;
  await disk.close();
  const again = await bench.open();
  for (let block = 0; block < total; block++)
    assert.deepEqual(Buffer.from(await again.read(block * 4096, 4096)), Buffer.from(blockOf(block + 1)));
  await again.close();
});
