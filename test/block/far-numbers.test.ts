// Numbers beyond 32 bits: blocks that differ only above bit 31, and counters that pass 2^32.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { TiB } from '../../src/base/units.ts';
import { DiskKeys } from '../../src/block/keys/disk-keys.ts';
import { decodeHead, encodeHead } from '../../src/block/format/head-format.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { blockOf, dataKeyOf, DiskBench } from './disk-fixture.ts';

const HIGH = 2 ** 32;
const SIZE_BYTES = 64 * TiB;

test('blocks whose numbers differ only above bit 31 are different blocks, in the log, in the map and after a crash', async () => {
  using bench = new DiskBench();
  await bench.create('d-1', SIZE_BYTES);
  const blocks = [5, HIGH + 5, 2 * HIGH + 5, 3 * HIGH + 5, 2 ** 31 + 5, 0, HIGH, SIZE_BYTES / 4096 - 1];
  let disk = await bench.open();
  const check = async (expected: ReadonlyMap<number, number>): Promise<void> => {
    for (const block of blocks) {
      const stamp = expected.get(block);
      const content = Buffer.from(await disk.read(block * 4096, 4096));
      assert.deepEqual(content, stamp === undefined ? Buffer.alloc(4096) : blockOf(stamp), `block ${block}`);
    }
  };
  const expected = new Map<number, number>();
  for (const [i, block] of blocks.entries()) {
    await disk.write(block * 4096, blockOf(i + 1), { fua: false });
    expected.set(block, i + 1);
    await check(expected);
  }
  await disk.checkpoint();
  await check(expected);
  await disk.trim((HIGH + 5) * 4096, 4096, { fua: false });
  expected.delete(HIGH + 5);
  await disk.zero(2 ** 31 * 4096, 10 * 4096, { fua: true, noHole: false });
  expected.delete(2 ** 31 + 5);
  await check(expected);
  await disk.abandon();
  disk = await bench.open();
  await check(expected);
  // A range over everything between two of them.
  await disk.trim(4096, HIGH * 4096, { fua: true });
  for (const block of [5, HIGH]) expected.delete(block);
  await check(expected);
  await disk.close();
  disk = await bench.open();
  await check(expected);
  await disk.close();
});

test('sequence and segment numbers go on beyond 2^16 and 2^32, as after that many opens', async () => {
  for (const edge of [2 ** 16, HIGH]) {
    using bench = new DiskBench('aes-256-gcm', { limits: { segmentSlots: 4 } });
    await bench.create();
    const file = path.join(bench.directory(), 'head');
    const keys = new DiskKeys(nodeCipherBackend(), dataKeyOf('aes-256-gcm'));
    const head = decodeHead(readFileSync(file).subarray(0, 4096), keys);
    assert.ok(head);
    const later = encodeHead({ ...head, sequence: edge - 9, nextSegment: edge - 4 }, keys);
    writeFileSync(file, Buffer.concat([later, later]));
    for (let open = 0; open < 6; open++) {
      let disk = await bench.open();
      for (let i = 0; i < 6; i++) await disk.write(i * 4096, blockOf(100 * open + i), { fua: true });
      if (open === 2) await disk.snapshot('s-1');
      if (open % 2 === 1) {
        await disk.abandon();
        disk = await bench.open();
      }
      for (let i = 0; i < 6; i++)
        assert.deepEqual(Buffer.from(await disk.read(i * 4096, 4096)), blockOf(100 * open + i));
      await disk.close();
    }
    const last = decodeHead(readFileSync(file).subarray(0, 4096), keys);
    assert.ok(last !== undefined && last.sequence > edge && last.nextSegment > edge, JSON.stringify(last));
    assert.deepEqual(bench.log.errors(), []);
  }
});
