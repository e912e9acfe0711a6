import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { deleteDisk, deleteSnapshot, openSnapshotView } from '../../src/block/disk.ts';
import type { SnapshotView } from '../../src/block/disk.ts';
import { GiB } from '../../src/base/units.ts';
import { blockOf, dataKeyOf, DiskBench } from './disk-fixture.ts';

const SMALL_LIMITS = { segmentSlots: 40, checkpointSlots: 300, checkpointChanges: 100, mapPages: 3, openSegments: 2 };

function retired(bench: DiskBench): string {
  return path.join(bench.root, 'retired', 'd-1');
}

function view(bench: DiskBench, snapshotId: string, over: { pin?: { sequence: number; digest: string } } = {}) {
  return openSnapshotView(bench.env, {
    directory: bench.directory(),
    retiredDirectory: retired(bench),
    diskId: 'd-1',
    snapshotId,
    dataKey: dataKeyOf(bench.suite),
    pin: over.pin,
  });
}

async function expectStamps(opened: SnapshotView, stamps: readonly number[]): Promise<void> {
  const read = Buffer.from(await opened.read(0, stamps.length * 4096));
  for (const [block, stamp] of stamps.entries())
    assert.deepEqual(
      read.subarray(block * 4096, (block + 1) * 4096),
      Buffer.from(stamp === 0 ? new Uint8Array(4096) : blockOf(stamp)),
      `block ${block}`,
    );
}

test('a snapshot is read while its disk is written, and afterwards, without a lock', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: SMALL_LIMITS });
  await bench.create();
  const disk = await bench.open();
  for (let block = 0; block < 60; block++) await disk.write(block * 4096, blockOf(block + 1), { fua: false });
  await disk.trim(4096, 4096, { fua: false });
  await disk.snapshot('s-1');
  const stamps = Array.from({ length: 60 }, (_, block) => (block === 1 ? 0 : block + 1));

  const opened = await view(bench, 's-1');
  assert.equal(opened.sizeBytes, GiB);
  for (let block = 0; block < 60; block++) {
    await disk.write(block * 4096, blockOf(500 + block), { fua: false });
    if (block % 20 === 0) await disk.checkpoint();
  }
  await expectStamps(opened, stamps);
  assert.deepEqual(await opened.blockStatus(0, 4 * 4096), [
    { lengthBytes: 4096, hole: false, zero: false },
    { lengthBytes: 4096, hole: true, zero: true },
    { lengthBytes: 2 * 4096, hole: false, zero: false },
  ]);
  assert.deepEqual(Buffer.from(await opened.read(4095, 2)), Buffer.from([blockOf(1)[4095] ?? 0, 0]), 'any offset');
  await disk.close();
  await expectStamps(opened, stamps);
  await opened.close();
  await opened.close();
  await assert.rejects(opened.read(0, 1), { kind: 'conflict', code: 'VIEW_CLOSED' });
});

test('a view goes on when its disk is deleted, when other snapshots are, and opens where the disk is gone', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: SMALL_LIMITS });
  await bench.create();
  const disk = await bench.open();
  for (const round of [1, 2, 3]) {
    for (let block = 0; block < 50; block++)
      await disk.write(block * 4096, blockOf(100 * round + block), { fua: false });
    await disk.snapshot(`s-${round}`);
  }
  const stamps = Array.from({ length: 50 }, (_, block) => 200 + block);
  const opened = await view(bench, 's-2');
  await disk.deleteSnapshot('s-1');
  assert.deepEqual(disk.snapshotIds.toSorted(), ['s-2', 's-3']);
  await disk.close();
  await deleteDisk(bench.env, bench.directory(), retired(bench), ['s-2']);
  // Nothing of it was read before: every file is opened only now, in another place.
  await expectStamps(opened, stamps);
  const second = await view(bench, 's-2');
  await expectStamps(second, stamps);
  await second.close();
  await opened.close();
  await assert.rejects(view(bench, 's-3'), { kind: 'not-found', code: 'SNAPSHOT_NOT_FOUND' });
  await deleteSnapshot(bench.env, retired(bench), 's-2');
  await assert.rejects(view(bench, 's-2'), { kind: 'not-found', code: 'SNAPSHOT_NOT_FOUND' });
});

test('a snapshot opens with its own key and at no older state than its owner knows', async () => {
  using bench = new DiskBench();
  await bench.create();
  const disk = await bench.open();
  await disk.write(0, blockOf(1), { fua: false });
  await disk.snapshot('s-1');
  const pin = await disk.close();
  await (await view(bench, 's-1', { pin })).close();
  await assert.rejects(view(bench, 's-1', { pin: { ...pin, sequence: pin.sequence + 1 } }), { kind: 'rolled-back' });
  await assert.rejects(view(bench, 's-9'), { kind: 'not-found', code: 'SNAPSHOT_NOT_FOUND' });
  const options = { directory: bench.directory(), retiredDirectory: retired(bench), snapshotId: 's-1', pin: undefined };
  await assert.rejects(openSnapshotView(bench.env, { ...options, diskId: 'd-1', dataKey: dataKeyOf(bench.suite, 8) }), {
    kind: 'corrupt',
  });
  await assert.rejects(openSnapshotView(bench.env, { ...options, diskId: 'd-2', dataKey: dataKeyOf(bench.suite) }), {
    kind: 'corrupt',
    code: 'WRONG_DISK',
  });
});

test('a damaged block of a snapshot is told, and the others are read', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: { ...SMALL_LIMITS, segmentSlots: 100 } });
  await bench.create();
  const disk = await bench.open();
  for (let block = 0; block < 40; block++) await disk.write(block * 4096, blockOf(block + 1), { fua: false });
  await disk.snapshot('s-1');
  await disk.close();
  const segments = path.join(bench.directory(), 'seg');
  const [log = ''] = readdirSync(segments).filter((name) => readFileSync(path.join(segments, name)).length > 40 * 4128);
  const bytes = readFileSync(path.join(segments, log));
  const at = 1024 + 10 * 4128 + 5;
  bytes[at] = (bytes[at] ?? 0) + 1;
  writeFileSync(path.join(segments, log), bytes);
  const opened = await view(bench, 's-1');
  let failed = 0;
  for (let block = 0; block < 40; block++) {
    const read = await opened.read(block * 4096, 4096).catch((error: unknown) => {
      assert.equal((error as { code?: string }).code, 'BLOCK_CORRUPT');
      failed += 1;
      return undefined;
    });
    if (read !== undefined) assert.deepEqual(Buffer.from(read), Buffer.from(blockOf(block + 1)));
  }
  assert.equal(failed, 1);
  await opened.close();
  rmSync(path.join(segments, log));
  const without = await view(bench, 's-1');
  await assert.rejects(without.read(0, 4096), { kind: 'corrupt', code: 'SEGMENT_MISSING' });
  await without.close();
});
