import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { openTestKms, OTHER_ACCOUNT, OTHER_REGION, SCOPE } from './open-test-kms.ts';

test('many first uses at once, through two engines on one database, make one service key', async () => {
  await using t = await openTestKms();
  const second = await t.reopen();
  const obtained = await Promise.all(
    Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? t : second).serviceKeys.obtain(SCOPE)),
  );
  assert.equal(new Set(obtained.map((key) => key.keyId)).size, 1);
  assert.equal((await t.keys.list(SCOPE, { offset: 0, limit: 10 })).totalCount, 1);
  assert.deepEqual(await readdir(path.join(t.directory, 'keys')), [obtained[0]?.primaryVersionId]);
});

test('the service key is AES-256, belongs to ECS, is named alias/acs/ecs and appears in lists', async () => {
  await using t = await openTestKms();
  assert.equal(await t.serviceKeys.find(SCOPE), undefined);
  const key = await t.serviceKeys.obtain(SCOPE);
  assert.deepEqual(
    [key.keySpec, key.creator, key.creatorType, key.automaticRotation],
    ['Aliyun_AES_256', 'Ecs', 'Service', false],
  );
  assert.equal((await t.keys.find(SCOPE, 'alias/acs/ecs', { alias: 'allowed' })).keyId, key.keyId);
  const { aliases } = await t.aliases.list(SCOPE, { offset: 0, limit: 10 });
  assert.deepEqual(
    aliases.map((alias) => [alias.aliasName, alias.keyId]),
    [['alias/acs/ecs', key.keyId]],
  );
});

test('each account and region has a service key of its own', async () => {
  await using t = await openTestKms();
  const ids = [];
  for (const scope of [SCOPE, OTHER_REGION, OTHER_ACCOUNT]) ids.push((await t.serviceKeys.obtain(scope)).keyId);
  assert.equal(new Set(ids).size, 3);
});

test('nobody can disable, enable or delete the service key', async () => {
  await using t = await openTestKms();
  const { keyId } = await t.serviceKeys.obtain(SCOPE);
  const fixed = { kind: 'denied', code: 'SERVICE_KEY_FIXED' };
  await assert.rejects(t.keys.disable(SCOPE, keyId), fixed);
  await assert.rejects(t.keys.enable(SCOPE, keyId), fixed);
  await assert.rejects(t.keys.scheduleDeletion(SCOPE, keyId, 30), fixed);
  assert.equal((await t.serviceKeys.obtain(SCOPE)).keyState, 'Enabled');
});
