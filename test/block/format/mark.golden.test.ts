// docs/formats/mark.md. Never regenerate: a failure means that disks which exist no longer open.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decodeMark, encodeMark } from '../../../src/block/format/mark-format.ts';
import type { Mark } from '../../../src/block/format/mark-format.ts';
import { assertEveryByteCounts, counting, fromFields, goldenKeys, remade, zeroes } from './golden.ts';

const MARK: Mark = { session: counting(0x40, 16), durable: { segment: 2 ** 32 + 3, slot: 9 } };

const BYTES = fromFields(
  '53444d41524b5f31', // magic "SDMARK_1"
  '0100', // version
  '404142434445464748494a4b4c4d4e4f', // session
  '0300000001000000', // durable: segment
  '09000000', // durable: slot
  zeroes(442), // up to the MAC
  'eb8f1c04243e752b7341d17ae4b9914dcc688cefd1f94d879764ab8748f00c5b', // MAC
);

test('a mark has the bytes that it always had', () => {
  using keys = goldenKeys();
  assert.deepEqual(encodeMark(MARK, keys), BYTES);
  assert.deepEqual(decodeMark(BYTES, keys), MARK);
});

test('every byte of a mark counts, and a version that is unknown is refused', () => {
  using keys = goldenKeys();
  assertEveryByteCounts(BYTES, (copy) => decodeMark(copy, keys));
  assert.notEqual(decodeMark(remade(BYTES, 'mark', 34, '0a'), keys), undefined);
  assert.equal(decodeMark(remade(BYTES, 'mark', 8, '0200'), keys), undefined);
  assert.equal(decodeMark(remade(BYTES, 'mark', 0, '54'), keys), undefined);
});
