import assert from 'node:assert/strict';
import { test } from 'node:test';

import { blockOf, DiskBench } from './disk-fixture.ts';
import { MODEL_BASES, runModel, SMALL_LIMITS } from './disk-model.ts';

for (const [i, suite] of (['aes-256-gcm', 'sm4-gcm'] as const).entries())
  test(`a ${suite} disk behaves like plain bytes, through reopenings, crashes, snapshots and clones`, async () => {
    await runModel(suite, MODEL_BASES[i] ?? 0, 12, 20_261_123);
  });

test('writes to parts of one block at the same time are all kept', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: { ...SMALL_LIMITS, mapPages: 2 } });
  await bench.create();
  const disk = await bench.open();
  for (let round = 0; round < 20; round++) {
    const parts = Array.from({ length: 16 }, (_, i) => i);
    await Promise.all([
      ...parts.map((i) => disk.write(i * 256, Buffer.alloc(256, 16 * (round % 8) + i + 1), { fua: false })),
      disk.checkpoint(),
    ]);
    const read = Buffer.from(await disk.read(0, 4096));
    for (const i of parts)
      assert.ok(read.subarray(i * 256, (i + 1) * 256).every((byte) => byte === 16 * (round % 8) + i + 1));
  }
  await disk.close();
});

test('reads while blocks are being written see whole blocks only', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: SMALL_LIMITS });
  await bench.create();
  const disk = await bench.open();
  await disk.write(0, blockOf(0), { fua: false });
  let stamp = 0;
  const writer = async (): Promise<void> => {
    while (stamp < 400) await disk.write(0, blockOf(++stamp), { fua: false });
  };
  const reader = async (): Promise<void> => {
    while (stamp < 400) {
      const before = stamp;
      const read = Buffer.from(await disk.read(0, 4096));
      const seen = read.readUInt32LE(0);
      assert.ok(read.equals(blockOf(seen)), 'a block is one write');
      assert.ok(seen >= before - 3, 'an answered write is seen');
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await Promise.all([writer(), writer(), reader(), reader()]);
  await disk.close();
});
