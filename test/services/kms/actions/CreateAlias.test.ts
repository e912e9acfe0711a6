import assert from 'node:assert/strict';
import { test } from 'node:test';

import { insertAlias } from '../../../../src/metadata/aliases.ts';
import { ALIASES_MAX } from '../../../../src/kms/aliases.ts';
import { OTHER_ACCOUNT, OTHER_REGION, SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

test('CreateAlias names a key, once in an account and region', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  assert.deepEqual(await api.call('CreateAlias', { KeyId, AliasName: 'alias/a' }), {});
  await api.refused('CreateAlias', { KeyId, AliasName: 'alias/a' }, 'AliasAlreadyExists', 400);
  for (const scope of [OTHER_ACCOUNT, OTHER_REGION]) {
    const { KeyMetadata } = await api.call('CreateKey', {}, scope);
    await api.call('CreateAlias', { KeyId: KeyMetadata['KeyId'], AliasName: 'alias/a' }, scope);
    await api.refused('CreateAlias', { KeyId, AliasName: 'alias/b' }, 'Forbidden.KeyNotFound', 404, scope);
  }
});

test('CreateAlias refuses reserved and malformed names', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  const names = [
    'alias/acs/ecs',
    'alias/acsx',
    'alias/',
    'mine',
    'Alias/x',
    'alias/x y',
    'alias/ü',
    `alias/${'x'.repeat(256)}`,
  ];
  for (const AliasName of names) await api.refused('CreateAlias', { KeyId, AliasName }, 'InvalidParameter', 400);
  for (const AliasName of ['alias/a', 'alias/A-b_c/d', `alias/${'x'.repeat(255)}`])
    await api.call('CreateAlias', { KeyId, AliasName });
  await api.refused('CreateAlias', { KeyId: 'alias/a', AliasName: 'alias/b' }, 'Unsupported.Alias', 400);
  await api.refused('CreateAlias', { KeyId: 'none', AliasName: 'alias/b' }, 'Forbidden.KeyNotFound', 404);
});

test('an account has at most 300 aliases in a region', async () => {
  await using api = await openKmsApi();
  const keyId = await api.createKey();
  await api.kms.database.transact(async (transaction) => {
    for (let index = 0; index < ALIASES_MAX; index++)
      await insertAlias(transaction, { ...SCOPE, keyId, aliasName: `alias/${index}`, createdMs: 0 });
  });
  await api.refused('CreateAlias', { KeyId: keyId, AliasName: 'alias/more' }, 'Rejected.LimitExceeded', 400);
});

test('CreateAlias asks for permission on the key and on the alias', async () => {
  await using api = await openKmsApi();
  const keyId = await api.createKey();
  const prefix = `acs:kms:cn-hangzhou:${SCOPE.accountId}`;
  assert.deepEqual(await api.access('CreateAlias', { KeyId: keyId, AliasName: 'alias/x' }), [
    { action: 'kms:CreateAlias', resource: `${prefix}:key/${keyId}` },
    { action: 'kms:CreateAlias', resource: `${prefix}:alias/x` },
  ]);
});
