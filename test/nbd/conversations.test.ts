import assert from 'node:assert/strict';
import { test } from 'node:test';

import { converse } from './conversations.ts';

for (const seed of [1, 2]) {
  test(`conversations of seed ${seed} are answered as they must be, whatever else goes on`, async (t) => {
    const { conversations, options, requests } = await converse(seed, 2);
    t.diagnostic(`${conversations} conversations, ${options} options, ${requests} requests`);
    assert.ok(conversations >= 20 && requests > 0 && options > 0);
  });
}
