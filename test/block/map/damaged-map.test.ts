import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { segmentOf, slotOf } from '../../../src/block/format/address.ts';
import { cloneDisk } from '../../../src/block/disk.ts';
import type { Disk } from '../../../src/block/disk.ts';
import { toHex } from '../../../src/block/format/fixed-bytes.ts';
import { ROOT_LEVEL } from '../../../src/block/format/map-page.ts';
import { openState } from '../../../src/block/open-disk.ts';
import { SLOT_SIZE_BYTES, slotOffset } from '../../../src/block/format/slot-format.ts';
import { blockOf, dataKeyOf, DiskBench } from '../disk-fixture.ts';

const FAR_BLOCK = 512 * 10;
const LOST = { kind: 'corrupt', code: 'MAP_CORRUPT' };

/** Flips a bit in every copy of the map page of `level` above block 0 of a closed disk. */
async function damagePage(bench: DiskBench, level: number): Promise<void> {
  const { state, lock } = await openState(bench.env, bench.directory(), {
    diskId: 'd-1',
    dataKey: dataKeyOf(bench.suite),
    pin: undefined,
    readOnly: true,
  });
  let address = state.root;
  for (let above = ROOT_LEVEL; above > level; above--) address = (await state.pages.load(address, above, 0))[0] ?? 0;
  const file = path.join(bench.directory(), 'seg', toHex(state.store.entry(segmentOf(address)).id));
  state.store.close();
  await state.headFile.close();
  lock[Symbol.dispose]();
  const bytes = readFileSync(file);
  for (let copy = 0; copy < (level === 0 ? 1 : 2); copy++) {
    const at = slotOffset(slotOf(address)) + copy * SLOT_SIZE_BYTES + 100;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
  }
  writeFileSync(file, bytes);
}

/** Blocks 0 to 3 hold 1 to 4, block 5,120 holds 9; closed. */
async function closedDisk(bench: DiskBench): Promise<void> {
  await bench.create();
  const disk = await bench.open();
  for (let i = 0; i < 4; i++) await disk.write(i * 4096, blockOf(i + 1), { fua: false });
  await disk.write(FAR_BLOCK * 4096, blockOf(9), { fua: false });
  await disk.close();
}

async function expectBlock(disk: Disk, block: number, stamp: number): Promise<void> {
  assert.deepEqual(Buffer.from(await disk.read(block * 4096, 4096)), Buffer.from(blockOf(stamp)), `block ${block}`);
}

for (const level of [0, 1])
  test(`a lost map page of level ${level} costs the blocks below it alone, now and for ever`, async () => {
    using bench = new DiskBench();
    await closedDisk(bench);
    await damagePage(bench, level);
    const check = async (disk: Disk): Promise<void> => {
      await expectBlock(disk, 1, 101);
      await assert.rejects(disk.read(0, 4096), LOST, 'a block that nobody wrote since');
      await assert.rejects(disk.read(0, 8192), LOST);
      await assert.rejects(disk.read(500 * 4096, 4096), LOST, 'whether it was a hole is lost as well');
      await assert.rejects(disk.write(10, new Uint8Array(5), { fua: false }), LOST, 'part of a lost block');
      const trimmed = await disk.read(2 * 4096, 4096);
      assert.ok(trimmed.every((byte) => byte === 0));
      const [first, second] = await disk.blockStatus(0, 512 * 4096);
      assert.deepEqual(first, { lengthBytes: 8192, hole: false, zero: false }, 'a lost block does not pass for zeroes');
      assert.deepEqual(second, { lengthBytes: 4096, hole: true, zero: true });
      if (level === 0) await expectBlock(disk, FAR_BLOCK, 9);
      else await assert.rejects(disk.read(FAR_BLOCK * 4096, 4096), LOST);
    };
    let disk = await bench.open();
    await disk.write(4096, blockOf(101), { fua: true });
    await disk.trim(2 * 4096, 4096, { fua: false });
    await check(disk);
    await disk.checkpoint();
    await check(disk);
    await disk.snapshot('s-1');
    await disk.close();
    const named = bench.log.errors().filter((message) => message.startsWith('a map page is lost'));
    assert.equal(named.length, 1, 'named once');

    disk = await bench.open();
    await check(disk);
    await disk.write(3 * 4096, blockOf(102), { fua: true });
    await disk.abandon();
    disk = await bench.open();
    assert.ok(disk.recovered);
    await check(disk);
    await expectBlock(disk, 3, 102);
    await disk.write(0, blockOf(103), { fua: false });
    await expectBlock(disk, 0, 103);
    await disk.close();

    const cloneKey = dataKeyOf('aes-256-gcm', 99);
    await cloneDisk(
      bench.env,
      { directory: bench.directory(), snapshotId: 's-1', dataKey: dataKeyOf('aes-256-gcm'), pin: undefined },
      { directory: bench.directory('d-2'), identity: bench.identity('d-2'), dataKey: cloneKey },
    );
    const clone = await bench.open({ diskId: 'd-2', dataKey: cloneKey });
    await check(clone);
    await clone.write(7 * 4096, blockOf(104), { fua: false });
    await clone.close();
  });

test('a disk that was left open over a lost leaf is recovered', async () => {
  using bench = new DiskBench();
  await closedDisk(bench);
  await damagePage(bench, 0);
  let disk = await bench.open();
  await disk.write(4096, blockOf(101), { fua: true });
  await disk.abandon();
  disk = await bench.open();
  await expectBlock(disk, 1, 101);
  await assert.rejects(disk.read(0, 4096), LOST);
  await disk.close();
});

test('a range that is trimmed as a whole needs nothing of its lost leaf', async () => {
  using bench = new DiskBench();
  await closedDisk(bench);
  await damagePage(bench, 0);
  const disk = await bench.open();
  await disk.trim(0, 512 * 4096, { fua: false });
  await disk.checkpoint();
  const bytes = await disk.read(0, 512 * 4096);
  assert.ok(bytes.every((byte) => byte === 0));
  await disk.close();
});
