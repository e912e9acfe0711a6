import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decodePageToken, encodePageToken } from '../../src/metadata/page.ts';

test('a page token leads back to its place, in its own list only', () => {
  const cursor = { createdMs: 1_764_000_000_000, id: 'd-bp1abc' };
  const token = encodePageToken('DescribeDisks/1/cn-hangzhou', cursor);
  assert.match(token, /^[A-Za-z0-9_-]+$/);
  assert.deepEqual(decodePageToken('DescribeDisks/1/cn-hangzhou', token), cursor);
  assert.equal(decodePageToken('DescribeDisks/2/cn-hangzhou', token), undefined);
  assert.equal(decodePageToken('DescribeSnapshots/1/cn-hangzhou', token), undefined);
});

test('anything else is no page token', () => {
  for (const token of ['', 'x', '%%%', 'bnVsbA', Buffer.from('["a",1]').toString('base64url')]) {
    assert.equal(decodePageToken('s', token), undefined, token);
  }
});
