import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OTHER_ACCOUNT, SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

test('ListAliases pages through the aliases of the account and region, the service key included', async () => {
  await using api = await openKmsApi();
  const service = await api.kms.serviceKeys.obtain(SCOPE);
  const KeyId = await api.createKey();
  for (const AliasName of ['alias/b', 'alias/a']) {
    api.kms.advance(1000);
    await api.call('CreateAlias', { KeyId, AliasName });
  }
  const arn = `acs:kms:cn-hangzhou:${SCOPE.accountId}:`;
  const { Aliases, TotalCount, PageNumber, PageSize } = await api.call('ListAliases');
  assert.deepEqual(Aliases.Alias, [
    { AliasName: 'alias/acs/ecs', AliasArn: `${arn}alias/acs/ecs`, KeyId: service.keyId },
    { AliasName: 'alias/b', AliasArn: `${arn}alias/b`, KeyId },
    { AliasName: 'alias/a', AliasArn: `${arn}alias/a`, KeyId },
  ]);
  assert.deepEqual([TotalCount, PageNumber, PageSize], [3, 1, 10]);
  const second = await api.call('ListAliases', { PageNumber: 2, PageSize: 2 });
  assert.deepEqual(
    second.Aliases.Alias.map((alias) => alias['AliasName']),
    ['alias/a'],
  );
  assert.deepEqual((await api.call('ListAliases', {}, OTHER_ACCOUNT)).Aliases.Alias, []);
  await api.refused('ListAliases', { PageSize: 101 }, 'InvalidParameter', 400);
});
