import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MiB } from '../../src/base/units.ts';
import { segmentMemoryBytes, SEGMENTS_PER_TIB } from '../../bench/segment-memory.ts';

test('the segments of 1 TiB take some memory, and far from all that 1 TiB may take', () => {
  assert.ok(SEGMENTS_PER_TIB > 16_000 && SEGMENTS_PER_TIB < 17_000);
  const mib = segmentMemoryBytes() / MiB;
  assert.ok(mib > 1 && mib < 128, `${mib} MiB`);
});
