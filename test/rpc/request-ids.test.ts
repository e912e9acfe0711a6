import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemRandom } from '../../src/base/system-random.ts';
import { RequestIds } from '../../src/rpc/request-ids.ts';

test('ids of requests are UUIDs of version 4, and none comes twice', () => {
  const ids = new RequestIds(systemRandom);
  const seen = new Set(Array.from({ length: 2_000 }, () => ids.next()));
  assert.equal(seen.size, 2_000);
  for (const id of seen) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
