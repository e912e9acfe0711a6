import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fuzzNbd } from './fuzz.ts';

test('whatever peers say, and in whatever pieces, the server goes on, and another export does not notice', async () => {
  const { conversations, requests, receivedBytes } = await fuzzNbd(1, 4);
  assert.ok(conversations >= 80, `${conversations} conversations`);
  // Many conversations end in the handshake; how many depends on how far the time reaches.
  assert.ok(requests > conversations / 4, `${requests} requests in ${conversations} conversations`);
  assert.ok(receivedBytes > 18 * conversations, 'they were answered');
});
