import assert from 'node:assert/strict';
import { test } from 'node:test';

import { segmentReaders } from '../../src/diskserver/segment-readers.ts';

test('hundreds of segment files may be open for reading under the limits that systems set, and half of the limit at most', () => {
  const cache = segmentReaders();
  let closed = 0;
  for (let i = 0; i < 100_000; i++) {
    cache.add({ isBusy: false, usedLately: false, letGo: () => (closed += 1) });
  }
  assert.ok(cache.size >= 64 && cache.size <= 32_768, `${cache.size} files`);
  assert.equal(closed, 100_000 - cache.size);
});
