import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

test('ListAliasesByKeyId shows the aliases of one key page by page', async () => {
  await using api = await openKmsApi();
  const [one, two] = [await api.createKey(), await api.createKey()];
  for (const name of ['a', 'b', 'c']) await api.call('CreateAlias', { KeyId: one, AliasName: `alias/${name}` });
  await api.call('CreateAlias', { KeyId: two, AliasName: 'alias/d' });
  const first = await api.call('ListAliasesByKeyId', { KeyId: one, PageSize: 2 });
  assert.deepEqual([first.TotalCount, first.PageNumber, first.PageSize], [3, 1, 2]);
  const second = await api.call('ListAliasesByKeyId', { KeyId: one, PageSize: 2, PageNumber: 2 });
  assert.deepEqual(
    [...first.Aliases.Alias, ...second.Aliases.Alias],
    ['a', 'b', 'c'].map((name) => ({
      AliasName: `alias/${name}`,
      AliasArn: `acs:kms:cn-hangzhou:${SCOPE.accountId}:alias/${name}`,
      KeyId: one,
    })),
  );
});

test('ListAliasesByKeyId shows the alias of the service key, and refuses aliases and unknown keys', async () => {
  await using api = await openKmsApi();
  const { keyId: serviceKey } = await api.kms.serviceKeys.obtain(SCOPE);
  const { Aliases: aliases } = await api.call('ListAliasesByKeyId', { KeyId: serviceKey });
  assert.deepEqual(
    aliases.Alias.map((alias) => alias['AliasName']),
    ['alias/acs/ecs'],
  );
  await api.refused('ListAliasesByKeyId', { KeyId: 'alias/acs/ecs' }, 'Unsupported.Alias', 400);
  await api.refused('ListAliasesByKeyId', { KeyId: 'nope' }, 'Forbidden.KeyNotFound', 404);
});
