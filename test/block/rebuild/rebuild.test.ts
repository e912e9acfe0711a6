// A disk whose head, tables or map are lost, made anew from its segments and its data key.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { cloneDisk } from '../../../src/block/disk.ts';
import type { Disk } from '../../../src/block/disk.ts';
import type { FileSystem } from '../../../src/block/files/file-system.ts';
import { localFiles } from '../../../src/block/files/local-files.ts';
import type { Pin } from '../../../src/block/format/pin.ts';
import { rebuildDisk } from '../../../src/block/rebuild-disk.ts';
import type { RebuildReport } from '../../../src/block/rebuild-disk.ts';
import { slotOffset } from '../../../src/block/format/slot-format.ts';
import { blockOf, dataKeyOf, DiskBench } from '../disk-fixture.ts';

const FAR = 700;
const LIMITS = { segmentSlots: 16 };

type Contents = Map<number, Buffer>;

function digests(directory: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(directory, { recursive: true }) as string[]) {
    const file = path.join(directory, name);
    if (statSync(file).isFile()) found.set(name, createHash('sha256').update(readFileSync(file)).digest('hex'));
  }
  return found;
}

async function put(disk: Disk, contents: Contents, block: number, stamp: number): Promise<void> {
  await disk.write(block * 4096, blockOf(stamp), { fua: false });
  contents.set(block, Buffer.from(blockOf(stamp)));
}

/** Several sessions, checkpoints, trims, a snapshot; closed in order, or left after a flush. */
async function usedDisk(bench: DiskBench, end: 'closed' | 'crashed'): Promise<{ contents: Contents; pin: Pin }> {
  await bench.create();
  const contents: Contents = new Map();
  let disk = await bench.open();
  for (let i = 0; i < 30; i++) await put(disk, contents, i, i + 1);
  await disk.checkpoint();
  await disk.trim(5 * 4096, 3 * 4096, { fua: false });
  for (const block of [5, 6, 7]) contents.set(block, Buffer.alloc(4096));
  await disk.snapshot('s-1');
  for (let i = 0; i < 10; i++) await put(disk, contents, i * 2, i + 201);
  await disk.close();
  disk = await bench.open();
  for (let i = 0; i < 5; i++) await put(disk, contents, FAR + i, i + 301);
  await disk.checkpoint();
  await put(disk, contents, 3, 401);
  await disk.trim(29 * 4096, 4096, { fua: false });
  contents.set(29, Buffer.alloc(4096));
  await put(disk, contents, 28, 402);
  await disk.flush();
  if (end === 'closed') return { contents, pin: await disk.close() };
  const { pin } = disk;
  await disk.abandon();
  return { contents, pin };
}

function rebuild(bench: DiskBench, pin?: Pin): Promise<RebuildReport> {
  return rebuildDisk(bench.env, {
    directory: bench.directory(),
    asideDirectory: path.join(bench.root, 'damaged'),
    identity: bench.identity(),
    dataKey: dataKeyOf(bench.suite),
    pin,
  });
}

async function assertContents(bench: DiskBench, contents: Contents, pin?: Pin): Promise<void> {
  const disk = await bench.open({ pin });
  for (const [block, expected] of contents)
    assert.deepEqual(Buffer.from(await disk.read(block * 4096, 4096)), expected, `block ${block}`);
  assert.deepEqual(Buffer.from(await disk.read(50 * 4096, 4096)), Buffer.alloc(4096), 'never written');
  await disk.write(0, blockOf(9), { fua: true });
  await disk.close();
}

/** Of `tables` the indexes of checkpoints: the chunks are those of snapshots too. */
const remove = (bench: DiskBench, ...names: string[]): void => {
  for (const name of names) {
    const file = path.join(bench.directory(), name);
    if (name !== 'tables') rmSync(file, { recursive: true });
    else
      for (const table of readdirSync(file))
        if (readFileSync(path.join(file, table)).toString('latin1', 0, 8) === 'SDTABLE1')
          rmSync(path.join(file, table));
  }
};

test('without the chunks of its table a disk is rebuilt as it was, and the snapshots that needed them are named', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  const { contents, pin } = await usedDisk(bench, 'closed');
  rmSync(path.join(bench.directory(), 'tables'), { recursive: true });
  const report = await rebuild(bench, pin);
  assert.match(report.lost.join('\n'), /^s-1: .* is missing$/);
  assert.deepEqual(report.snapshotIds, []);
  await assertContents(bench, contents, report.pin);
});

for (const end of ['closed', 'crashed'] as const)
  for (const lost of [['head'], ['tables'], ['head', 'tables'], ['head', 'tables', 'roots']])
    test(`without ${lost.join(', ')} a ${end} disk is rebuilt as it was, and the damaged files stay as they were`, async () => {
      using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
      const { contents, pin } = await usedDisk(bench, end);
      remove(bench, ...lost);
      const before = digests(bench.directory());
      const report = await rebuild(bench, pin);
      assert.deepEqual(report.scrub.damages, []);
      assert.deepEqual(
        report.lost.filter((sentence) => !sentence.startsWith('head')),
        [],
      );
      assert.deepEqual(report.resurrected, []);
      assert.ok(report.pin.sequence > pin.sequence, 'nothing that was pinned before is newer');
      assert.deepEqual(digests(report.aside), before);
      assert.deepEqual(report.snapshotIds, lost.includes('roots') ? [] : ['s-1']);
      if (!lost.includes('roots')) {
        await cloneDisk(
          bench.env,
          { directory: bench.directory(), snapshotId: 's-1', dataKey: dataKeyOf(bench.suite), pin: report.pin },
          { directory: bench.directory('d-2'), identity: bench.identity('d-2'), dataKey: dataKeyOf(bench.suite, 9) },
        );
        const clone = await bench.open({ diskId: 'd-2', dataKey: dataKeyOf(bench.suite, 9) });
        assert.deepEqual(Buffer.from(await clone.read(0, 4096)), blockOf(1));
        await clone.close();
      }
      await assertContents(bench, contents, report.pin);
      assert.deepEqual(digests(report.aside), before, 'writing the new disk changes nothing of the old');
    });

/** The segment files whose first slot's header says kind map (2), oldest first. */
function segmentsOfKind(bench: DiskBench, kind: 1 | 2): string[] {
  const seg = path.join(bench.directory(), 'seg');
  return readdirSync(seg)
    .map((name) => path.join(seg, name))
    .filter((file) => statSync(file).size > 1024 && readFileSync(file)[10] === kind)
    .sort((a, b) => Number(readFileSync(a).readBigUInt64LE(16)) - Number(readFileSync(b).readBigUInt64LE(16)));
}

test('without any map the log alone gives every block back', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  const { contents } = await usedDisk(bench, 'closed');
  remove(bench, 'head', 'tables', 'roots');
  for (const file of segmentsOfKind(bench, 2)) rmSync(file);
  const report = await rebuild(bench);
  assert.deepEqual(report.scrub.damages, []);
  assert.match(report.resurrected.join(), /their page of the map is lost/);
  await assertContents(bench, contents);
});

test('with the newest map lost an older one and the log after it give the same', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  const { contents } = await usedDisk(bench, 'closed');
  remove(bench, 'head', 'tables');
  rmSync(segmentsOfKind(bench, 2).at(-1) ?? '');
  const report = await rebuild(bench);
  assert.deepEqual([report.scrub.damages, report.resurrected], [[], []]);
  await assertContents(bench, contents);
});

test('a damaged slot in the flushed log costs its write, which is named; everything after it is there', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  const { contents } = await usedDisk(bench, 'crashed');
  const file = segmentsOfKind(bench, 1).at(-1) ?? '';
  const bytes = readFileSync(file);
  // The last three slots: block 3, the trim, block 28.
  const slots = Math.floor((bytes.length - 1024) / 4128);
  const damaged = slots - 3;
  bytes[slotOffset(damaged)] = (bytes[slotOffset(damaged)] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  await assert.rejects(bench.open(), { code: 'LOG_CORRUPT' });
  const report = await rebuild(bench);
  assert.match(report.lost.join(), new RegExp(`slot ${damaged} of segment \\d+: a write or a trim`));
  contents.set(3, Buffer.from(blockOf(4)));
  await assertContents(bench, contents);
});

test('a write that was never durable is not brought back behind a gap', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  await bench.create();
  const disk = await bench.open();
  for (let i = 0; i < 4; i++) await disk.write(i * 4096, blockOf(i + 1), { fua: false });
  await disk.abandon();
  const file = segmentsOfKind(bench, 1).at(-1) ?? '';
  const bytes = readFileSync(file);
  bytes.fill(0, slotOffset(2), slotOffset(3));
  writeFileSync(file, bytes);
  remove(bench, 'head', 'tables', 'mark');
  await rebuild(bench);
  await assertContents(
    bench,
    new Map([0, 1, 2, 3].map((i) => [i, Buffer.from(i === 0 ? blockOf(1) : Buffer.alloc(4096))])),
  );
});

test('a missing segment costs its blocks, which then cannot be read, and no other', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  const { contents } = await usedDisk(bench, 'closed');
  remove(bench, 'head', 'tables');
  rmSync(segmentsOfKind(bench, 1)[1] ?? '');
  const report = await rebuild(bench);
  assert.ok(report.scrub.damages.length > 0);
  const disk = await bench.open();
  let failed = 0;
  for (const [block, expected] of contents) {
    const found = await disk.read(block * 4096, 4096).catch(() => undefined);
    if (found === undefined) failed += 1;
    else assert.deepEqual(Buffer.from(found), expected, `block ${block}`);
  }
  assert.ok(failed > 0 && failed < 16);
  await disk.close();
});

test('of a collected disk nothing comes back that was overwritten or trimmed', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  const { contents } = await usedDisk(bench, 'closed');
  const disk = await bench.open();
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 20; i++) await put(disk, contents, i, round * 100 + i);
    await disk.checkpoint();
  }
  await disk.trim(10 * 4096, 8 * 4096, { fua: false });
  for (let block = 10; block < 18; block++) contents.set(block, Buffer.alloc(4096));
  await disk.checkpoint();
  const { dead, rewritten } = await disk.collect();
  assert.ok(dead > 0 && rewritten > 0, 'segments went, and others were made dense');
  await put(disk, contents, 2, 999);
  await disk.close();
  remove(bench, 'head', 'tables');
  const report = await rebuild(bench);
  assert.deepEqual([report.scrub.damages, report.resurrected], [[], []]);
  await assertContents(bench, contents);
});

test('a clone whose head is lost keeps what it shares with its source, by its own table', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  await usedDisk(bench, 'closed');
  const key = dataKeyOf(bench.suite, 9);
  await cloneDisk(
    bench.env,
    { directory: bench.directory(), snapshotId: 's-1', dataKey: dataKeyOf(bench.suite), pin: undefined },
    { directory: bench.directory('d-2'), identity: bench.identity('d-2'), dataKey: key },
  );
  let clone = await bench.open({ diskId: 'd-2', dataKey: key });
  await clone.write(0, blockOf(77), { fua: false });
  await clone.close();
  rmSync(path.join(bench.directory('d-2'), 'head'));
  const asideDirectory = path.join(bench.root, 'damaged');
  const request = { directory: bench.directory('d-2'), asideDirectory, identity: bench.identity('d-2'), dataKey: key };
  assert.deepEqual((await rebuildDisk(bench.env, { ...request, pin: undefined })).scrub.damages, []);
  clone = await bench.open({ diskId: 'd-2', dataKey: key });
  assert.deepEqual(Buffer.from(await clone.read(0, 4096)), blockOf(77));
  assert.deepEqual(Buffer.from(await clone.read(4096, 4096)), blockOf(2));
  await clone.close();
});

test('files of two timelines are not mixed into one disk', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  await usedDisk(bench, 'closed');
  const copy = path.join(bench.root, 'copy');
  cpSync(bench.directory(), copy, { recursive: true });
  const write = async (stamp: number) => {
    const disk = await bench.open();
    await disk.write(0, blockOf(stamp), { fua: false });
    await disk.close();
  };
  await write(1);
  const ours = path.join(bench.root, 'ours');
  renameSync(bench.directory(), ours);
  renameSync(copy, bench.directory());
  await write(2);
  cpSync(path.join(ours, 'seg'), path.join(bench.directory(), 'seg'), { recursive: true });
  remove(bench, 'head', 'tables');
  await assert.rejects(rebuild(bench), { code: 'SEGMENTS_MIXED' });
  assert.ok(existsSync(path.join(bench.directory(), 'seg')), 'nothing was moved');
});

test('a rebuild that is interrupted anywhere leaves the old files or the new disk, and can be repeated', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  const { contents } = await usedDisk(bench, 'closed');
  remove(bench, 'head');
  const template = path.join(bench.root, 'template');
  cpSync(bench.directory(), template, { recursive: true });
  let interrupted = 0;
  for (let at = 1; ; at += 7) {
    for (const name of ['d-1', 'damaged', '.rebuilt-d-1', '.unfinished-.rebuilt-d-1'])
      rmSync(path.join(bench.root, name), { recursive: true, force: true });
    cpSync(template, bench.directory(), { recursive: true });
    let calls = 0;
    const alive = (): Promise<void> => ((calls += 1) >= at ? Promise.reject(new Error('killed')) : Promise.resolve());
    const files: FileSystem = {
      ...localFiles,
      create: (file) => alive().then(() => localFiles.create(file)),
      rename: (from, to) => alive().then(() => localFiles.rename(from, to)),
      link: (existing, file) => alive().then(() => localFiles.link(existing, file)),
      makeDirectory: (file) => alive().then(() => localFiles.makeDirectory(file)),
      syncDirectory: (file) => alive().then(() => localFiles.syncDirectory(file)),
    };
    const request = {
      directory: bench.directory(),
      asideDirectory: path.join(bench.root, 'damaged'),
      identity: bench.identity(),
      dataKey: dataKeyOf(bench.suite),
      pin: undefined,
    };
    const done = await rebuildDisk({ ...bench.env, files }, request).then(
      () => true,
      () => false,
    );
    if (done) break;
    interrupted += 1;
    await rebuild(bench);
    await assertContents(bench, contents);
    assert.deepEqual(digests(path.join(bench.root, 'damaged', 'd-1')), digests(template));
  }
  assert.ok(interrupted > 5);
});

test('a map that names blocks which power loss took is passed over for an older one and the log', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  await bench.create();
  const session = async (from: number, blocks: number, stamp: number): Promise<void> => {
    const disk = await bench.open();
    for (let i = from; i < from + blocks; i++) await disk.write(i * 4096, blockOf(i + stamp), { fua: false });
    await disk.close();
  };
  await session(0, 4, 1);
  await session(9, 1, 1);
  const disk = await bench.open();
  for (let i = 0; i < 4; i++) await disk.write(i * 4096, blockOf(i + 101), { fua: false });
  await disk.checkpoint();
  await disk.abandon();
  // As a crash before the checkpoint had made the log durable would leave it: map pages, and no slots for them.
  const log = segmentsOfKind(bench, 1).at(-1) ?? '';
  writeFileSync(log, readFileSync(log).subarray(0, slotOffset(3)));
  remove(bench, 'head', 'tables', 'mark');
  const report = await rebuild(bench);
  assert.deepEqual(report.scrub.damages, []);
  await assertContents(bench, new Map([101, 102, 3, 4].map((stamp, i) => [i, Buffer.from(blockOf(stamp))])));
});

test('without any map, and with a write lost, no block that may have been written reads as zeroes', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  const { contents } = await usedDisk(bench, 'closed');
  remove(bench, 'head', 'tables', 'roots');
  for (const file of segmentsOfKind(bench, 2)) rmSync(file);
  const [log = ''] = segmentsOfKind(bench, 1);
  const bytes = readFileSync(log);
  bytes[slotOffset(3)] = (bytes[slotOffset(3)] ?? 0) ^ 1;
  writeFileSync(log, bytes);
  const report = await rebuild(bench);
  assert.match(report.lost.join(), /those that the log does not have cannot be read/);
  const disk = await bench.open();
  await assert.rejects(disk.read(50 * 4096, 4096), { kind: 'corrupt' });
  for (const block of [0, 4, 20])
    assert.deepEqual(Buffer.from(await disk.read(block * 4096, 4096)), contents.get(block));
  await disk.close();
});
