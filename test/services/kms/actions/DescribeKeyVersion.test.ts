import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openKmsApi } from '../call-kms.ts';

test('DescribeKeyVersion shows a version of a key', async () => {
  await using api = await openKmsApi();
  const { KeyMetadata: key } = await api.call('CreateKey');
  const named = { KeyId: key['KeyId'], KeyVersionId: key['PrimaryKeyVersion'] };
  const { KeyVersion: version } = await api.call('DescribeKeyVersion', named);
  assert.deepEqual(version, { ...named, CreationDate: '2026-11-23T00:00:00Z' });
});

test('DescribeKeyVersion tells an unknown version from an unknown key, and finds no version under another key', async () => {
  await using api = await openKmsApi();
  const { KeyMetadata: key } = await api.call('CreateKey');
  const KeyId = await api.createKey();
  const KeyVersionId = key['PrimaryKeyVersion'];
  await api.refused('DescribeKeyVersion', { KeyId, KeyVersionId }, 'Forbidden.KeyVersionNotFound', 404);
  await api.refused('DescribeKeyVersion', { KeyId: 'nope', KeyVersionId }, 'Forbidden.KeyNotFound', 404);
});
