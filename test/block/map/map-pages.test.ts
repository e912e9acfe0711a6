import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DEFAULT_LIMITS } from '../../../src/block/files/environment.ts';
import { localFiles } from '../../../src/block/files/local-files.ts';
import { BLOCK_SIZE_BYTES, GiB } from '../../../src/base/units.ts';
import { blockOf, DiskBench } from '../disk-fixture.ts';

const LEAVES = 40;
const KEPT = 8;
const offsetOf = (leaf: number): number => leaf * 512 * BLOCK_SIZE_BYTES;

test('a block whose map page is not kept is read at once where the system has both in memory', async (context) => {
  using probe = new DiskBench();
  const file = await localFiles.create(`${probe.root}/probe`);
  await file.write(new Uint8Array(4096), 0);
  const canReadAtOnce = file.readCached?.(4096, 0) !== undefined;
  await file.close();
  if (!canReadAtOnce) {
    context.skip('the system has no reads that never wait');
    return;
  }
  using bench = new DiskBench('aes-256-gcm', { limits: { ...DEFAULT_LIMITS, mapPages: KEPT } });
  await bench.create('d-1', GiB);
  const disk = await bench.open();
  for (let leaf = 0; leaf < LEAVES; leaf++) await disk.write(offsetOf(leaf), blockOf(leaf + 1), { fua: false });
  await disk.close();
  const again = await bench.open();
  // Opens the files.
  for (let leaf = 0; leaf < LEAVES; leaf++) await again.read(offsetOf(leaf), BLOCK_SIZE_BYTES);
  const out = Buffer.alloc(BLOCK_SIZE_BYTES);
  for (let round = 0; round < 3; round++)
    for (let leaf = 0; leaf < LEAVES; leaf++) {
      assert.equal(again.readCached(offsetOf(leaf), out), true, `leaf ${leaf}`);
      assert.deepEqual(out, Buffer.from(blockOf(leaf + 1)));
    }
  assert.equal(again.readCached(offsetOf(LEAVES) + BLOCK_SIZE_BYTES, out), true, 'what was never written');
  assert.ok(out.every((byte) => byte === 0));
  await again.close();
});
