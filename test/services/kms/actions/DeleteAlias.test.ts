import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OTHER_ACCOUNT, SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

test('DeleteAlias takes the alias away, and the key stays', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  await api.call('CreateAlias', { KeyId, AliasName: 'alias/a' });
  assert.deepEqual(await api.call('DeleteAlias', { AliasName: 'alias/a' }), {});
  await api.refused('DescribeKey', { KeyId: 'alias/a' }, 'Forbidden.AliasNotFound', 404);
  await api.call('DescribeKey', { KeyId });
  await api.refused('DeleteAlias', { AliasName: 'alias/a' }, 'Forbidden.AliasNotFound', 404);
});

test('DeleteAlias does not reach the aliases of others, nor the one of the service key', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  await api.kms.serviceKeys.obtain(SCOPE);
  await api.call('CreateAlias', { KeyId, AliasName: 'alias/a' });
  await api.refused('DeleteAlias', { AliasName: 'alias/a' }, 'Forbidden.AliasNotFound', 404, OTHER_ACCOUNT);
  await api.refused('DeleteAlias', { AliasName: 'alias/acs/ecs' }, 'Forbidden.NoPermission', 403);
  await api.refused('DeleteAlias', { AliasName: 'a' }, 'InvalidParameter', 400);
  assert.equal((await api.call('ListAliases')).TotalCount, 2);
});

test('DeleteAlias asks for permission on the alias and on its key', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  await api.call('CreateAlias', { KeyId, AliasName: 'alias/a' });
  assert.deepEqual(await api.access('DeleteAlias', { AliasName: 'alias/a' }), [
    { action: 'kms:DeleteAlias', resource: `acs:kms:cn-hangzhou:${SCOPE.accountId}:key/${KeyId}` },
    { action: 'kms:DeleteAlias', resource: `acs:kms:cn-hangzhou:${SCOPE.accountId}:alias/a` },
  ]);
});
