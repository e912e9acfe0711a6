import assert from 'node:assert/strict';
import { test } from 'node:test';

import { holdIdleConnections } from './idle-connections.ts';

test('2,000 idle connections hold no buffers, and about 10 KiB each', async (t) => {
  const { bufferBytes, heapBytes } = await holdIdleConnections(2000);
  t.diagnostic(`each, both ends: ${bufferBytes} bytes of buffers, ${heapBytes} bytes of heap`);
  // 16 MiB of pools of the server, spread.
  assert.ok(bufferBytes < 10_000, `${bufferBytes} bytes of buffers`);
  assert.ok(heapBytes < 40_000, `${heapBytes} bytes of heap`);
});
