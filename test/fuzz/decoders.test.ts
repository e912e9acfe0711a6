import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fuzzDecoders } from './decoders.ts';

test('no decoder throws, hangs, or hands out numbers that were not stored, whatever its bytes are', async () => {
  const accepting = new Set<string>();
  for (const seed of [1, 2]) {
    const reached = await fuzzDecoders(seed, 400);
    assert.ok(Object.keys(reached).length >= 18, Object.keys(reached).join());
    for (const [name, { refused, accepted }] of Object.entries(reached)) {
      assert.equal(refused + accepted, 400, name);
      if (accepted > 0) accepting.add(name);
    }
  }
  // What lies behind the MAC was reached.
  for (const name of [
    'head',
    'table',
    'segment header',
    'mark',
    'begin note',
    'slot that opens',
    'control message',
    'public key',
  ])
    assert.ok(accepting.has(name), `${name} was accepted at least once`);
});
