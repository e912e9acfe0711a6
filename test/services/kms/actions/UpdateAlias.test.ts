import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OTHER_ACCOUNT, SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

test('UpdateAlias makes an alias lead to another key', async () => {
  await using api = await openKmsApi();
  const [one, two] = [await api.createKey(), await api.createKey()];
  await api.call('CreateAlias', { KeyId: one, AliasName: 'alias/a' });
  assert.deepEqual(await api.call('UpdateAlias', { KeyId: two, AliasName: 'alias/a' }), {});
  assert.equal((await api.call('DescribeKey', { KeyId: 'alias/a' })).KeyMetadata['KeyId'], two);
});

test('UpdateAlias works whatever the state of the key that the alias led to', async () => {
  await using api = await openKmsApi();
  const [one, two] = [await api.createKey(), await api.createKey()];
  await api.call('CreateAlias', { KeyId: one, AliasName: 'alias/a' });
  await api.call('ScheduleKeyDeletion', { KeyId: one, PendingWindowInDays: 7 });
  await api.call('UpdateAlias', { KeyId: two, AliasName: 'alias/a' });
  await api.refused('UpdateAlias', { KeyId: one, AliasName: 'alias/a' }, 'Rejected.PendingDeletion', 409);
  assert.equal((await api.call('DescribeKey', { KeyId: 'alias/a' })).KeyMetadata['KeyId'], two);
});

test('UpdateAlias refuses unknown aliases and keys, names that none can have, and the alias of the service key', async () => {
  await using api = await openKmsApi();
  await api.kms.serviceKeys.obtain(SCOPE);
  const KeyId = await api.createKey();
  await api.call('CreateAlias', { KeyId, AliasName: 'alias/a' });
  const { keyId: foreign } = await api.kms.makeKey('Aliyun_AES_256', OTHER_ACCOUNT);
  await api.refused('UpdateAlias', { KeyId, AliasName: 'alias/b' }, 'Forbidden.AliasNotFound', 404);
  await api.refused('UpdateAlias', { KeyId: foreign, AliasName: 'alias/a' }, 'Forbidden.KeyNotFound', 404);
  await api.refused('UpdateAlias', { KeyId: 'alias/a', AliasName: 'alias/a' }, 'Unsupported.Alias', 400);
  await api.refused('UpdateAlias', { KeyId, AliasName: 'a' }, 'InvalidParameter', 400);
  await api.refused('UpdateAlias', { KeyId, AliasName: 'alias/acs/ecs' }, 'Forbidden.NoPermission', 403);
});

test('UpdateAlias asks for permission on the alias and on the key', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  assert.deepEqual(await api.access('UpdateAlias', { KeyId, AliasName: 'alias/a' }), [
    { action: 'kms:UpdateAlias', resource: `acs:kms:cn-hangzhou:${SCOPE.accountId}:key/${KeyId}` },
    { action: 'kms:UpdateAlias', resource: `acs:kms:cn-hangzhou:${SCOPE.accountId}:alias/a` },
  ]);
});
