import assert from 'node:assert/strict';
import { test } from 'node:test';

import { wipeableBytes, wipeableCopy } from '../../src/base/wipeable-bytes.ts';

test('a copy holds the same bytes in memory of its own', () => {
  const original = Buffer.from('a secret of thirty-two bytes ...');
  const copy = wipeableCopy(original);
  original.fill(0);
  assert.equal(Buffer.from(copy).toString(), 'a secret of thirty-two bytes ...');
  assert.equal(copy.buffer.byteLength, copy.length);
});

test('new bytes are zero', () => {
  assert.deepEqual([...wipeableBytes(4)], [0, 0, 0, 0]);
});
