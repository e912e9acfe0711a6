import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

const json = (tags: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(Object.entries(tags).map(([key, value]) => ({ TagKey: key, TagValue: value })));

test('TagResource adds tags and replaces values', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey({ Tags: json({ a: '1', b: '2' }) });
  assert.deepEqual(await api.call('TagResource', { KeyId, Tags: json({ b: '3', c: '' }) }), {});
  const { Tags: tags } = await api.call('ListResourceTags', { KeyId });
  assert.deepEqual(Object.fromEntries(tags.Tag.map((tag) => [tag['TagKey'], tag['TagValue']])), {
    a: '1',
    b: '3',
    c: '',
  });
});

test('a key has at most 20 tags of its owner, and those of the products do not count', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  await api.kms.keys.tag(SCOPE, KeyId, { key: 'acs:ecs:disk-encryption', value: 'true' });
  const many = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`k${index}`, 'v']));
  await api.call('TagResource', { KeyId, Tags: json(many) });
  await api.call('TagResource', { KeyId, Tags: json({ k0: 'other' }) });
  await api.refused('TagResource', { KeyId, Tags: json({ one: 'more' }) }, 'Rejected.LimitExceeded', 400);
  await api.refused('TagResource', { KeyId, Tags: json({ ...many, one: 'more' }) }, 'InvalidParameter', 400);
  assert.equal((await api.call('ListResourceTags', { KeyId })).Tags.Tag.length, 21);
});

test('TagResource refuses tags that only products set, what is no list of tags, and what has no tags here', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  const wrong = [
    json({ 'acs:ecs:disk-encryption': 'true' }),
    json({ 'ACS:x': '1' }),
    json({ aliyunx: '1' }),
    json({ 'http://x': '1' }),
    json({ '': '1' }),
    json({ a: 1 }),
    json({ a: 'x'.repeat(129) }),
    json({ ['x'.repeat(129)]: '' }),
    '[{"TagKey":"a","TagValue":"1"},{"TagKey":"a","TagValue":"2"}]',
    '{"a":"1"}',
    '[null]',
    'a=1',
  ];
  for (const Tags of wrong) await api.refused('TagResource', { KeyId, Tags }, 'InvalidParameter', 400);
  const Tags = json({ a: '1' });
  await api.refused('TagResource', { SecretName: 's', Tags }, 'InvalidParameter', 400);
  await api.refused('TagResource', { CertificateId: 'c', KeyId, Tags }, 'InvalidParameter', 400);
  await api.refused('TagResource', { Tags }, 'MissingParameter', 400);
  await api.refused('TagResource', { KeyId: 'nope', Tags }, 'Forbidden.KeyNotFound', 404);
  assert.deepEqual((await api.call('ListResourceTags', { KeyId })).Tags.Tag, []);
});
