import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OTHER_ACCOUNT, OTHER_REGION, SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

test('DescribeKey finds a key by id, ARN and alias', async () => {
  await using api = await openKmsApi();
  const { KeyMetadata: made } = await api.call('CreateKey', {});
  const { KeyId: keyId = '', Arn: arn = '' } = made;
  await api.call('CreateAlias', { KeyId: keyId, AliasName: 'alias/x' });
  for (const reference of [keyId, arn, 'alias/x'])
    assert.deepEqual((await api.call('DescribeKey', { KeyId: reference })).KeyMetadata, {
      ...made,
      DeletionProtection: 'Disabled',
    });
});

test('DescribeKey does not tell the keys of others from keys that never were', async () => {
  await using api = await openKmsApi();
  const keyId = await api.createKey();
  const messages = new Set<string>();
  for (const scope of [OTHER_ACCOUNT, OTHER_REGION])
    messages.add((await api.refused('DescribeKey', { KeyId: keyId }, 'Forbidden.KeyNotFound', 404, scope)).message);
  messages.add((await api.refused('DescribeKey', { KeyId: 'nonsense' }, 'Forbidden.KeyNotFound', 404)).message);
  assert.equal(messages.size, 1);
  await api.refused('DescribeKey', { KeyId: 'alias/none' }, 'Forbidden.AliasNotFound', 404);
});

test('DescribeKey asks for permission on the key itself, also when it is named by alias', async () => {
  await using api = await openKmsApi();
  const keyId = await api.createKey();
  await api.call('CreateAlias', { KeyId: keyId, AliasName: 'alias/x' });
  const arn = `acs:kms:cn-hangzhou:${SCOPE.accountId}:key/${keyId}`;
  for (const reference of [keyId, 'alias/x', arn])
    assert.deepEqual(await api.access('DescribeKey', { KeyId: reference }), [
      { action: 'kms:DescribeKey', resource: arn },
    ]);
});

test('DescribeKey shows when a scheduled key will be destroyed', async () => {
  await using api = await openKmsApi();
  const keyId = await api.createKey();
  await api.call('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: 30 });
  const { KeyMetadata } = await api.call('DescribeKey', { KeyId: keyId });
  assert.deepEqual([KeyMetadata['KeyState'], KeyMetadata['DeleteDate']], ['PendingDeletion', '2026-12-23T00:00:00Z']);
});
