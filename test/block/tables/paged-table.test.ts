// A checkpoint's table costs what changed, and chunk files go when nothing names them any more.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { systemRandom } from '../../../src/base/system-random.ts';
import { deleteSnapshot } from '../../../src/block/disk.ts';
import type { Disk } from '../../../src/block/disk.ts';
import { localFiles } from '../../../src/block/files/local-files.ts';
import { SegmentRanges } from '../../../src/block/segments/segment-ranges.ts';
import { readTableFile } from '../../../src/block/tables/table-file.ts';
import type { SegmentEntry } from '../../../src/block/format/table-format.ts';
import { TableWriter } from '../../../src/block/tables/table-writer.ts';
import { blockOf, DiskBench } from '../disk-fixture.ts';
import { counting, goldenKeys } from '../format/golden.ts';

const FIELDS = {
  suite: 'aes-256-gcm',
  diskId: 'd-1',
  snapshotId: '',
  sequence: 1,
  sizeBytes: 2 ** 30,
  root: 0,
} as const;

/** Names of the chunks among a disk's tables. */
function chunkFiles(directory: string): string[] {
  return readdirSync(path.join(directory, 'tables')).filter(
    (name) => readFileSync(path.join(directory, 'tables', name)).toString('latin1', 0, 8) === 'SDCHUNK1',
  );
}

test('with 100,000 segments a change of one costs one chunk and the index, and all is read back', async () => {
  using bench = new DiskBench();
  using keys = goldenKeys();
  const tables = path.join(bench.directory(), 'tables');
  mkdirSync(tables, { recursive: true });
  const epochs = [keys.newEpoch(systemRandom), keys.newEpoch(systemRandom)];
  const entry = (number: number, slots: number): SegmentEntry => {
    const epoch = epochs[number % 2];
    assert.ok(epoch);
    return { number, id: systemRandom.bytes(16), headerDigest: counting(1, 16), epoch, slots };
  };
  const ranges = new SegmentRanges({ segments: [], chunks: [] });
  for (let number = 1; number <= 100_000; number++) ranges.put(entry(number, 16_256));
  const write = async () => {
    const writer = new TableWriter({ files: localFiles, random: systemRandom, keys, directory: tables });
    const frozen = ranges.freeze(undefined, 100_001);
    // What changes while the table is written belongs to the next one.
    ranges.put(entry(77, 5));
    const chunks = await writer.writeChunks(frozen, 'd-1');
    const { tableId } = await writer.writeIndex(FIELDS, chunks);
    const unused = ranges.stored(frozen, chunks);
    const file = path.join(tables, Buffer.from(tableId).toString('hex'));
    return { made: writer.written.map(({ range }) => range), unused: unused.map(({ range }) => range), file };
  };
  const first = await write();
  assert.equal(first.made.length, 98);
  assert.deepEqual(first.unused, []);
  const second = await write();
  assert.deepEqual(second, { made: [0], unused: [0], file: second.file });
  ranges.remove(50_000);
  const third = await write();
  assert.deepEqual(new Set(third.made), new Set([0, 48]));
  assert.ok(statSync(third.file).size < 13_200, 'the index of 100,000 segments has two copies of 6.4 KiB');
  const read = async (file: string) =>
    new Map((await readTableFile(localFiles, file, keys, bench.log)).segments.map((each) => [each.number, each]));
  const segments = await read(third.file);
  assert.equal(segments.size, 99_999);
  assert.equal(segments.get(77)?.slots, 5);
  assert.equal(segments.has(50_000), false);
  assert.equal(new Set([...segments.values()].map(({ epoch }) => epoch)).size, 2, 'one record for each epoch');
  assert.equal((await read(first.file)).get(77)?.slots, 16_256, 'an older table still names its own chunks');
});

async function fill(disk: Disk, first: number, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await disk.write((first + i) * 4096, blockOf(first + i), { fua: false });
}

test('chunks stay while the table or a snapshot names them, and go when nothing does', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: { segmentSlots: 12 } });
  await bench.create();
  let disk = await bench.open();
  for (let i = 0; i < 5; i++) {
    await fill(disk, i * 30, 30);
    await disk.checkpoint();
  }
  assert.equal(chunkFiles(bench.directory()).length, 1, 'those of earlier checkpoints are gone');
  await disk.snapshot('s-1');
  await disk.snapshot('s-2');
  await fill(disk, 0, 40);
  await disk.checkpoint();
  await disk.close();
  assert.equal(chunkFiles(bench.directory()).length, 3, 'one for each snapshot, one for the disk');
  await deleteSnapshot(bench.env, bench.directory(), 's-1');
  assert.equal(chunkFiles(bench.directory()).length, 2, 'what a deleted snapshot alone named is gone');
  disk = await bench.open();
  await deleteSnapshot(bench.env, bench.directory(), 's-2');
  assert.equal(chunkFiles(bench.directory()).length, 1);
  await fill(disk, 0, 10);
  await disk.close();
  disk = await bench.open();
  assert.equal(chunkFiles(bench.directory()).length, 1);
  assert.deepEqual(Buffer.from(await disk.read(100 * 4096, 4096)), blockOf(100));
  await disk.close();
  assert.deepEqual(bench.log.errors(), []);
});

test('nothing is removed while a snapshot cannot be read', async () => {
  using bench = new DiskBench();
  await bench.create();
  const disk = await bench.open();
  await fill(disk, 0, 10);
  await disk.snapshot('s-1');
  await fill(disk, 0, 5);
  await disk.close();
  const root = path.join(bench.directory(), 'roots', 's-1');
  const bytes = readFileSync(root);
  writeFileSync(root, Buffer.alloc(bytes.length, 1));
  const before = readdirSync(path.join(bench.directory(), 'tables')).sort();
  await (await bench.open()).close();
  assert.deepEqual(readdirSync(path.join(bench.directory(), 'tables')).sort(), before);
  writeFileSync(root, bytes);
  await (await bench.open()).close();
  rmSync(root);
  await (await bench.open()).close();
  assert.equal(readdirSync(path.join(bench.directory(), 'tables')).length, 2, 'the table and its chunk');
});
