import assert from 'node:assert/strict';
import { test } from 'node:test';

import { requestTags } from '../../src/rpc/request-tags.ts';

const tagsOf = (parameters: Record<string, string>) => requestTags(new Map(Object.entries(parameters)));

test('tags are found in every way of writing them', () => {
  assert.deepEqual(tagsOf({ 'Tag.2.Key': 'b', 'Tag.1.Key': 'a', 'Tag.1.Value': 'x', TagKeys: '["c"]' }), {
    a: 'x',
    b: '',
  });
  assert.deepEqual(tagsOf({ Tag: '[{"Key":"a","Value":"x"},{"Key":"b"}]' }), { a: 'x', b: '' });
  assert.deepEqual(tagsOf({ Tags: '[{"TagKey":"a","TagValue":"x"}]' }), { a: 'x' });
});

test('what is malformed is no tag', () => {
  for (const text of ['', 'x', '{}', '[1,null,"a"]', '[{"Key":1}]', '[{"Key":"a","Value":{}}]']) {
    assert.deepEqual(tagsOf({ Tag: text }), {}, text);
  }
  const long = 'x'.repeat(513);
  assert.deepEqual(tagsOf({ 'Tag.1.Key': long, 'Tag.2.Key': 'a', 'Tag.2.Value': long, 'Tag.3.Key': 'b' }), { b: '' });
  assert.deepEqual(tagsOf({ 'Tag.x.Key': 'a', 'Tag.1.Value': 'v', 'Tag.12345.Key': 'k' }), {});
});

test('a member that the operation does not look at does not feign another tag', () => {
  assert.deepEqual(tagsOf({ Tags: '[{"Key":"env","Value":"test","TagKey":"env","TagValue":"prod"}]' }), {
    env: 'prod',
  });
  assert.deepEqual(tagsOf({ Tag: '[{"Key":"env","TagKey":"team","TagValue":"a"}]' }), { env: '' });
});
