import assert from 'node:assert/strict';
import { test } from 'node:test';

import { keyArn } from '../../../../src/kms/key-reference.ts';
import { OTHER_ACCOUNT, SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

test('SetDeletionProtection makes ScheduleKeyDeletion refuse the key until it is lifted', async () => {
  await using api = await openKmsApi();
  const keyId = await api.createKey();
  const arn = { ProtectedResourceArn: keyArn(SCOPE, keyId) };
  const why = { DeletionProtectionDescription: 'used by billing' };
  assert.deepEqual(await api.call('SetDeletionProtection', { ...arn, EnableDeletionProtection: true, ...why }), {});
  const { KeyMetadata: on } = await api.call('DescribeKey', { KeyId: keyId });
  assert.deepEqual([on['DeletionProtection'], on['DeletionProtectionDescription']], ['Enabled', 'used by billing']);
  const deletion = { KeyId: keyId, PendingWindowInDays: 7 };
  await api.refused('ScheduleKeyDeletion', deletion, 'Rejected.StateModifiedFailed', 409);

  await api.call('SetDeletionProtection', { KeyId: keyId, EnableDeletionProtection: false, ...why });
  const { KeyMetadata: off } = await api.call('DescribeKey', { KeyId: keyId });
  assert.deepEqual([off['DeletionProtection'], off['DeletionProtectionDescription']], ['Disabled', undefined]);
  await api.call('ScheduleKeyDeletion', deletion);
});

test('SetDeletionProtection refuses instances, nothing, the service key and the keys of others', async () => {
  await using api = await openKmsApi();
  const on = { EnableDeletionProtection: true };
  await api.refused('SetDeletionProtection', { ...on, KmsInstanceId: 'kst-1' }, 'InvalidParameter', 400);
  await api.refused('SetDeletionProtection', on, 'MissingParameter', 400);
  const { keyId: serviceKey } = await api.kms.serviceKeys.obtain(SCOPE);
  await api.refused('SetDeletionProtection', { ...on, KeyId: serviceKey }, 'Forbidden.NoPermission', 403);
  const { keyId: foreign } = await api.kms.makeKey('Aliyun_AES_256', OTHER_ACCOUNT);
  const named = { ...on, ProtectedResourceArn: keyArn(OTHER_ACCOUNT, foreign) };
  await api.refused('SetDeletionProtection', named, 'Forbidden.KeyNotFound', 404);
});
