import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openKmsApi } from '../call-kms.ts';

test('CancelKeyDeletion enables the key, even one that was disabled before', async () => {
  await using api = await openKmsApi();
  const keyId = await api.createKey();
  await api.call('DisableKey', { KeyId: keyId });
  await api.call('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: 7 });
  assert.deepEqual(await api.call('CancelKeyDeletion', { KeyId: keyId }), {});
  const { KeyMetadata } = await api.call('DescribeKey', { KeyId: keyId });
  assert.deepEqual([KeyMetadata['KeyState'], KeyMetadata['DeleteDate']], ['Enabled', '']);
});

test('CancelKeyDeletion refuses a key whose deletion is not scheduled', async () => {
  await using api = await openKmsApi();
  await api.refused('CancelKeyDeletion', { KeyId: await api.createKey() }, 'Rejected.StateModifiedFailed', 409);
});
