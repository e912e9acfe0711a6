// What becomes of a disk that version 1 of the formats wrote, step by step. That it reads as it was: images.test.ts.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { blockOf, DiskBench } from '../block/disk-fixture.ts';
import { readDisk, readSnapshot } from '../block/format/independent-reader.ts';
import { manifestOf, unpack } from './image.ts';

const IMAGE = 'v1/aes-256-gcm-snapshot-clone';
const { suite, disks } = manifestOf(IMAGE);
const key = Buffer.from(disks['d-1']?.dataKey ?? '', 'hex');
const dataKey = { suite, key };

/** Versions of the head and of the table that it names. */
function versionsOf(directory: string): { head: number; table: number } {
  const head = readFileSync(path.join(directory, 'head'));
  const table = readFileSync(path.join(directory, 'tables', head.toString('hex', 32, 48)));
  return { head: head.readUInt16LE(8), table: table.readUInt16LE(8) };
}

test('a disk of version 1 stays as it is until it is written; from then on older programs refuse it', async () => {
  using bench = new DiskBench(suite);
  unpack(IMAGE, bench.root);
  const directory = bench.directory();
  const before = readDisk(directory, key).state.read(0);
  let disk = await bench.open({ dataKey, readOnly: true });
  assert.deepEqual(Buffer.from(await disk.read(0, 4096)), before);
  await disk.close();
  assert.deepEqual(versionsOf(directory), { head: 1, table: 1 });

  disk = await bench.open({ dataKey });
  await disk.write(5 * 4096, blockOf(5), { fua: true });
  assert.deepEqual(versionsOf(directory), { head: 2, table: 1 });
  await disk.snapshot('s-2');
  await disk.close();
  assert.deepEqual(versionsOf(directory), { head: 2, table: 2 });
  assert.deepEqual(readDisk(directory, key).state.read(5), Buffer.from(blockOf(5)));
  assert.deepEqual(readSnapshot(directory, key, 's-2').read(5), Buffer.from(blockOf(5)));
  assert.equal(readSnapshot(directory, key, 's-golden').addressOf(5), 0, 'an older snapshot is read as ever');
  assert.deepEqual(bench.log.errors(), []);
});

test('a snapshot of a disk of version 1 that nobody writes keeps what it has', async () => {
  using bench = new DiskBench(suite);
  unpack(IMAGE, bench.root);
  const expected = readDisk(bench.directory(), key).state;
  const disk = await bench.open({ dataKey });
  await disk.snapshot('s-2');
  await disk.close();
  const state = readSnapshot(bench.directory(), key, 's-2');
  for (const block of [0, 1, 3, 7]) assert.deepEqual(state.read(block), expected.read(block));
  assert.equal(readdirSync(path.join(bench.directory(), 'tables')).length, 2, 'an index and a chunk');
});
