import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { deleteDisk, deleteSnapshot, openSnapshotView } from '../../../src/block/disk.ts';
import { DiskKeys } from '../../../src/block/keys/disk-keys.ts';
import { ReaderCache } from '../../../src/block/files/reader-cache.ts';
import { SegmentStore } from '../../../src/block/segments/segment-store.ts';
import { readSnapshot } from '../../../src/block/views/snapshot-root.ts';
import { SnapshotState } from '../../../src/block/views/snapshot-state.ts';
import { SnapshotView } from '../../../src/block/views/snapshot-view.ts';
import { GiB } from '../../../src/base/units.ts';
import { blockOf, dataKeyOf, DiskBench } from '../disk-fixture.ts';

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
  await deleteDisk(bench.env, bench.directory(), retired(bench), { keep: ['s-2'], drop: ['s-3'] });
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

test('a view reads on while the collector replaces its files and others are written in their place', async () => {
  const limits = { segmentSlots: 32, checkpointSlots: 10_000, checkpointChanges: 10_000, rewriteBelow: 0.6 };
  using bench = new DiskBench('aes-256-gcm', { limits });
  await bench.create();
  const disk = await bench.open();
  const stamps = Array.from({ length: 200 }, (_, block) => (block % 2 === 0 ? 5_000 : 1_000) + block);
  for (let block = 0; block < 200; block++) await disk.write(block * 4096, blockOf(1_000 + block), { fua: false });
  for (let block = 0; block < 200; block += 2) await disk.write(block * 4096, blockOf(5_000 + block), { fua: false });
  await disk.snapshot('s-1');
  const opened = await view(bench, 's-1');
  // Every file is open now, in full.
  await expectStamps(opened, stamps);
  const before = new Map(inodes(bench));
  let replaced = 0;
  for (let round = 1; round <= 4; round++) {
    for (let block = 0; block < 200; block++)
      await disk.write(block * 4096, blockOf(10_000 * round + block), { fua: false });
    await disk.checkpoint();
    await disk.collect();
    await expectStamps(opened, stamps);
  }
  for (const [name, inode] of inodes(bench)) if (before.has(name) && before.get(name) !== inode) replaced += 1;
  assert.ok(replaced > 2, `${replaced} files that the view had open were replaced`);
  const late = await view(bench, 's-1');
  await expectStamps(late, stamps);
  assert.deepEqual(await late.changedSince(opened, 0, 200 * 4096), [{ lengthBytes: 200 * 4096, dirty: false }]);
  for (const each of [late, opened]) await each.close();
  await disk.close();
  assert.deepEqual(
    bench.log.errors().filter((message) => message.includes('lost')),
    [],
  );
});

function inodes(bench: DiskBench): [name: string, inode: number][] {
  const directory = path.join(bench.directory(), 'seg');
  return readdirSync(directory).map((name) => [name, statSync(path.join(directory, name)).ino]);
}

async function closedWithSnapshot(bench: DiskBench): Promise<{ stamps: number[]; segments: string[] }> {
  await bench.create();
  const disk = await bench.open();
  for (let block = 0; block < 40; block++) await disk.write(block * 4096, blockOf(block + 1), { fua: false });
  await disk.snapshot('s-1');
  await disk.close();
  const directory = path.join(bench.directory(), 'seg');
  return {
    stamps: Array.from({ length: 40 }, (_, block) => block + 1),
    segments: readdirSync(directory).map((name) => path.join(directory, name)),
  };
}

test('a view that has a file open which is written over finds the one that took its name', async () => {
  using bench = new DiskBench();
  const { stamps, segments } = await closedWithSnapshot(bench);
  const opened = await view(bench, 's-1');
  await expectStamps(opened, stamps);
  for (const file of segments) {
    const whole = readFileSync(file);
    writeFileSync(file, Buffer.alloc(whole.length, 1), { flag: 'r+' });
    writeFileSync(`${file}.copy`, whole);
    renameSync(`${file}.copy`, file);
  }
  await expectStamps(opened, stamps);
  await opened.close();
});

test('a view finds segments that were sealed anew by the root as it is now, for blocks and for the map', async () => {
  using bench = new DiskBench();
  const { stamps } = await closedWithSnapshot(bench);
  const directory = bench.directory();
  const { log } = bench;
  const { files, cipher } = bench.env;
  const keys = new DiskKeys(cipher, dataKeyOf(bench.suite));
  const table = await readSnapshot(bench.env, { directory, snapshotId: 's-1', pin: undefined }, keys);
  const store = new SegmentStore(path.join(directory, 'seg'), { files, cache: new ReaderCache(10), log });
  let segments = table.segments;
  const readAgain = () => Promise.resolve({ ...table, segments });
  const opened = new SnapshotView(new SnapshotState({ log, keys, store, readAgain }, table));
  // The same slots at the same addresses in a file of another id, which is all that a reader sees of it.
  segments = table.segments.map((entry) => {
    const id = entry.id.map((byte) => 255 - byte);
    renameSync(path.join(directory, 'seg', entry.id.toHex()), path.join(directory, 'seg', id.toHex()));
    return { ...entry, id };
  });
  assert.deepEqual(await opened.blockStatus(0, 4096), [{ lengthBytes: 4096, hole: false, zero: false }]);
  await expectStamps(opened, stamps);
  await opened.close();
  assert.deepEqual(
    log.lines.filter(({ message }) => message.includes('lost')),
    [],
  );
});
