import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ChunkPool } from '../../../src/block/log/sealed-tail.ts';

test('the disks of a process share their spare memory, 32 MiB of it at most', () => {
  const chunkSlots = 4096;
  const [one, two] = [new ChunkPool(chunkSlots), new ChunkPool(chunkSlots)];
  const chunks = [one.take(), one.take(), two.take()];
  for (const chunk of chunks) one.give(chunk);
  const again = [two.take(), two.take(), two.take()];
  assert.equal(again.filter((chunk) => chunks.includes(chunk)).length, 2);
});
