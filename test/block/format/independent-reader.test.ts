// The pages in docs/formats suffice: a reader that was written from them reads what the engine wrote.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { cloneDisk } from '../../../src/block/disk.ts';
import type { Disk } from '../../../src/block/disk.ts';
import { GiB, TiB } from '../../../src/base/units.ts';
import { blockOf, dataKeyOf, DiskBench } from '../disk-fixture.ts';
import { readDisk, readSnapshot } from './independent-reader.ts';
import type { IndependentState } from './independent-reader.ts';

const FAR = (2 ** 33 + 5) * 4096;
const LIMITS = { segmentSlots: 32 };

/** What blocks should be: a stamp of `blockOf`, or a marker. Blocks that are not in it are holes. */
type Expected = Map<number, number | 'hole' | 'zero'>;

async function write(disk: Disk, expected: Expected, block: number, stamp: number): Promise<void> {
  await disk.write(block * 4096, blockOf(stamp), { fua: false });
  expected.set(block, stamp);
}

async function clear(disk: Disk, expected: Expected, first: number, count: number, kind: 'hole' | 'zero') {
  if (kind === 'hole') await disk.trim(first * 4096, count * 4096, { fua: false });
  else await disk.zero(first * 4096, count * 4096, { fua: false, noHole: true });
  for (let block = first; block < first + count; block++) expected.set(block, kind);
}

/** Blocks over several segments, leaves and levels; overwritten, trimmed and zeroed. */
async function fill(disk: Disk, expected: Expected, stamp: number): Promise<void> {
  for (let i = 0; i < 90; i++) await write(disk, expected, i * 37, stamp + i);
  for (let i = 0; i < 20; i++) await write(disk, expected, i * 37, stamp + 1000 + i);
  await clear(disk, expected, 100, 50, 'hole');
  await clear(disk, expected, 1024, 700, 'zero');
  await write(disk, expected, 1500, stamp + 5000);
}

function assertReads(state: IndependentState, expected: Expected): void {
  assert.ok(expected.size > 100, 'there is something to compare');
  for (const [block, value] of expected) {
    if (typeof value === 'number') {
      assert.ok(state.addressOf(block) > 1, `block ${block} is data`);
      assert.deepEqual(state.read(block), blockOf(value), `block ${block}`);
    } else {
      assert.equal(state.addressOf(block), value === 'hole' ? 0 : 1, `block ${block} is a ${value}`);
      assert.deepEqual(state.read(block), Buffer.alloc(4096));
    }
  }
  for (const block of [38, 1023, 2 ** 18 - 1]) if (!expected.has(block)) assert.equal(state.addressOf(block), 0);
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

for (const suite of ['aes-256-gcm', 'sm4-gcm'] as const) {
  test(`from the pages alone: a closed ${suite} disk, its snapshot and its clone can be read`, async () => {
    using bench = new DiskBench(suite, { limits: LIMITS });
    const key = dataKeyOf(suite).key;
    await bench.create('d-1', 64 * TiB);
    const atSnapshot: Expected = new Map();
    let disk = await bench.open();
    await fill(disk, atSnapshot, 10_000);
    await write(disk, atSnapshot, FAR / 4096, 1);
    await disk.snapshot('s-1');
    const now: Expected = new Map(atSnapshot);
    await fill(disk, now, 20_000);
    await disk.close();
    disk = await bench.open();
    await write(disk, now, 7, 3);
    const pin = await disk.close();

    const { head, state } = readDisk(bench.directory(), key);
    assert.deepEqual(head.pin, pin);
    assert.equal(head.diskId, 'd-1');
    assert.equal(head.suite.name, suite);
    assert.equal(head.encrypted, true);
    assert.equal(head.clean, true);
    assert.equal(state.sizeBytes, 64 * TiB);
    assert.deepEqual(head.wrappedKey, Buffer.of(1, 2, 3));
    assertReads(state, now);
    assertReads(readSnapshot(bench.directory(), key, 's-1'), atSnapshot);

    const cloneKey = dataKeyOf(suite, 9);
    await cloneDisk(
      bench.env,
      { directory: bench.directory(), snapshotId: 's-1', dataKey: dataKeyOf(suite), pin },
      { directory: bench.directory('d-2'), identity: bench.identity('d-2', 64 * TiB), dataKey: cloneKey },
    );
    const ofClone: Expected = new Map(atSnapshot);
    disk = await bench.open({ diskId: 'd-2', dataKey: cloneKey });
    await fill(disk, ofClone, 30_000);
    await disk.close();
    assertReads(readDisk(bench.directory('d-2'), cloneKey.key).state, ofClone);
    assert.throws(
      () => readDisk(bench.directory('d-2'), key),
      /no copy of the head/,
      'the key of the source is no use',
    );
  });

  test(`from the pages alone: a ${suite} disk that was left open can be read to its last flush, and the engine agrees`, async () => {
    using bench = new DiskBench(suite, { limits: LIMITS });
    const key = dataKeyOf(suite).key;
    await bench.create();
    const expected: Expected = new Map();
    let disk = await bench.open();
    await fill(disk, expected, 10_000);
    await disk.checkpoint();
    await fill(disk, expected, 20_000);
    await disk.snapshot('s-1');
    await fill(disk, expected, 30_000);
    await disk.flush();
    await disk.abandon();
    const { head, state } = readDisk(bench.directory(), key);
    assert.equal(head.clean, false);
    assertReads(state, expected);
    disk = await bench.open();
    assert.equal(disk.recovered, true);
    for (const [block, value] of expected) {
      const body = typeof value === 'number' ? blockOf(value) : Buffer.alloc(4096);
      assert.deepEqual(Buffer.from(await disk.read(block * 4096, 4096)), Buffer.from(body));
    }
    await disk.close();
    assertReads(readDisk(bench.directory(), key).state, expected);
  });
}

test('one damaged copy of the head, of the table and of the upper pages costs nothing', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  const key = dataKeyOf('aes-256-gcm').key;
  await bench.create();
  const expected: Expected = new Map();
  const disk = await bench.open();
  await fill(disk, expected, 1);
  await disk.close();
  const directory = bench.directory();
  const root = readDisk(directory, key);
  const table = path.join(directory, 'tables', root.head.tableId);
  const rootAddress = Number(readFileSync(table).readBigUInt64LE(32));
  flip(path.join(directory, 'head'), 2000);
  flip(table, 20);
  flip(path.join(directory, 'tables', readFileSync(table).toString('hex', 248, 264)), 300);
  const segment = segmentFile(directory, readFileSync(table), Math.floor(rootAddress / 2 ** 20));
  flip(path.join(directory, 'seg', segment), 1024 + 4128 * (rootAddress % 2 ** 20) + 99);
  assertReads(readDisk(directory, key).state, expected);
  flip(path.join(directory, 'seg', segment), 1024 + 4128 * ((rootAddress % 2 ** 20) + 1) + 99);
  assert.throws(() => readDisk(directory, key).state.read(0), /page 0 of level 3 does not open/);
  flip(path.join(directory, 'head'), 4096 + 2000);
  assert.throws(() => readDisk(directory, key), /no copy of the head/);
});

test('a flushed slot that was damaged is no end of the log', async () => {
  using bench = new DiskBench('aes-256-gcm');
  await bench.create('d-1', GiB);
  const disk = await bench.open();
  for (let block = 0; block < 9; block++) await disk.write(block * 4096, blockOf(block), { fua: true });
  await disk.abandon();
  const [segment = ''] = readdirSync(path.join(bench.directory(), 'seg'));
  flip(path.join(bench.directory(), 'seg', segment), 1024 + 4128 * 9);
  assert.throws(() => readDisk(bench.directory(), dataKeyOf('aes-256-gcm').key), /damaged or missing/);
  await assert.rejects(bench.open(), { code: 'LOG_CORRUPT' });
});

test('the independent reader uses nothing of the engine', () => {
  const imports = ['reader', 'log', 'slot'].flatMap((part) => {
    const source = readFileSync(new URL(`independent-${part}.ts`, import.meta.url), 'utf8');
    return [...source.matchAll(/ from '([^']+)'/g)].map(([, name = '']) => name);
  });
  assert.ok(imports.length >= 10);
  assert.deepEqual(
    imports.filter((name) => !name.startsWith('node:') && !name.startsWith('./independent-')),
    [],
  );
});

/** Name of the file of segment `number`, by the second copies of the table and of its only chunk, which are undamaged. */
function segmentFile(directory: string, table: Buffer, number: number): string {
  const id = table.toString('hex', table.length / 2 + 248, table.length / 2 + 264);
  const chunk = readFileSync(path.join(directory, 'tables', id));
  const copy = chunk.subarray(chunk.length / 2);
  const first = 128 + 72 * copy.readUInt32LE(120);
  for (let at = first; at < copy.length - 32; at += 56)
    if (Number(copy.readBigUInt64LE(at)) === number) return copy.toString('hex', at + 8, at + 24);
  throw new Error(`the table has no segment ${number}`);
}
