import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DAY_MS, SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

test('ScheduleKeyDeletion takes 7 to 366 whole days and nothing else', async () => {
  await using api = await openKmsApi();
  const keyId = await api.createKey();
  for (const days of [6, 367, 0, -7, 7.5, Number.NaN])
    await api.refused('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: days }, 'InvalidParameter', 400);
  await api.refused('ScheduleKeyDeletion', { KeyId: keyId }, 'InvalidParameter', 400);
  assert.equal((await api.call('DescribeKey', { KeyId: keyId })).KeyMetadata['KeyState'], 'Enabled');
  for (const days of [7, 366]) {
    assert.deepEqual(await api.call('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: days }), {});
    await api.call('CancelKeyDeletion', { KeyId: keyId });
  }
});

test('a key is unknown when its waiting time is over', async () => {
  await using api = await openKmsApi();
  const keyId = await api.createKey();
  await api.call('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: 7 });
  api.kms.advance(7 * DAY_MS - 1);
  await api.call('DescribeKey', { KeyId: keyId });
  api.kms.advance(1);
  await api.refused('DescribeKey', { KeyId: keyId }, 'Forbidden.KeyNotFound', 404);
  await api.refused('CancelKeyDeletion', { KeyId: keyId }, 'Forbidden.KeyNotFound', 404);
  assert.equal((await api.call('ListKeys')).TotalCount, 0);
});

test('ScheduleKeyDeletion refuses the service key', async () => {
  await using api = await openKmsApi();
  const { keyId } = await api.kms.serviceKeys.obtain(SCOPE);
  await api.refused('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: 7 }, 'Forbidden.NoPermission', 403);
});
