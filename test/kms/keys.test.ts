import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { KEYS_MAX } from '../../src/kms/keys.ts';
import { keyArn } from '../../src/kms/key-reference.ts';
import { findAlias } from '../../src/metadata/aliases.ts';
import { findKey, insertKey } from '../../src/metadata/keys.ts';
import { listKeyVersions } from '../../src/metadata/key-versions.ts';
import { DAY_MS, newKey, openTestKms, OTHER_ACCOUNT, OTHER_REGION, SCOPE } from './open-test-kms.ts';

const NO_ALIAS = { alias: 'refused' } as const;

test('a new key is enabled, has a UUID, and its material lies in a file of its own and not in the database', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey('Aliyun_SM4');
  assert.match(key.keyId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.equal((await t.keys.find(SCOPE, key.keyId, NO_ALIAS)).keyState, 'Enabled');
  assert.deepEqual(await readdir(path.join(t.directory, 'keys')), [key.primaryVersionId]);
  const versions = await listKeyVersions(t.database.read, key.keyId);
  assert.deepEqual(
    versions.map((version) => [version.keyVersionId, version.materialSealed]),
    [[key.primaryVersionId, null]],
  );
});

test('a key whose rows could not be stored leaves no material behind', async () => {
  await using t = await openTestKms();
  const failing = t.keys.createWith(SCOPE, newKey(SCOPE, 'Aliyun_AES_256'), async (transaction, created) => {
    await insertKey(transaction, created);
    throw new Error('the disk is full');
  });
  await assert.rejects(failing, /full/);
  assert.deepEqual(await readdir(path.join(t.directory, 'keys')), []);
  assert.equal((await t.keys.list(SCOPE, { offset: 0, limit: 10 })).totalCount, 0);
});

test('a key is found by id and by ARN, and never from another account or region', async () => {
  await using t = await openTestKms();
  const { keyId } = await t.makeKey();
  assert.equal((await t.keys.find(SCOPE, keyArn(SCOPE, keyId), NO_ALIAS)).keyId, keyId);
  const unknown = { kind: 'not-found', code: 'KEY_NOT_FOUND', message: 'The account has no such key in this region.' };
  const foreign: [typeof SCOPE, string][] = [
    [OTHER_REGION, keyId],
    [OTHER_ACCOUNT, keyId],
    [OTHER_ACCOUNT, keyArn(SCOPE, keyId)],
    [OTHER_REGION, keyArn(SCOPE, keyId)],
    [SCOPE, keyArn(OTHER_REGION, keyId)],
    [SCOPE, 'no-such-key'],
    [SCOPE, ''],
  ];
  for (const [scope, reference] of foreign) {
    await assert.rejects(t.keys.find(scope, reference, NO_ALIAS), unknown);
    await assert.rejects(t.keys.disable(scope, reference), unknown);
    await assert.rejects(t.keys.scheduleDeletion(scope, reference, 7), unknown);
  }
  assert.equal((await t.keys.find(SCOPE, keyId, NO_ALIAS)).keyState, 'Enabled');
});

test('a deletion can be called off until its time, and the key is enabled then, even when it was disabled', async () => {
  await using t = await openTestKms();
  const { keyId } = await t.makeKey();
  await t.keys.disable(SCOPE, keyId);
  await t.keys.scheduleDeletion(SCOPE, keyId, 7);
  t.advance(7 * DAY_MS - 1);
  assert.deepEqual(await t.destruction.destroyDue(), []);
  await t.keys.cancelDeletion(SCOPE, keyId);
  const key = await t.keys.find(SCOPE, keyId, NO_ALIAS);
  assert.deepEqual([key.keyState, key.deleteMs], ['Enabled', null]);
  t.advance(30 * DAY_MS);
  assert.deepEqual(await t.destruction.destroyDue(), []);
});

test('when its time is over a key is unknown at once, and its material, rows and aliases are destroyed', async () => {
  await using t = await openTestKms();
  const { keyId } = await t.makeKey();
  const other = await t.makeKey();
  await t.aliases.create(SCOPE, 'alias/mine', keyId);
  await t.keys.scheduleDeletion(SCOPE, keyId, 7);
  await t.keys.scheduleDeletion(SCOPE, other.keyId, 8);
  t.advance(7 * DAY_MS);
  const unknown = { code: 'KEY_NOT_FOUND' };
  await assert.rejects(t.keys.find(SCOPE, keyId, NO_ALIAS), unknown);
  await assert.rejects(t.keys.cancelDeletion(SCOPE, keyId), unknown);
  const listed = await t.keys.list(SCOPE, { offset: 0, limit: 10 });
  assert.deepEqual([listed.keys.map((key) => key.keyId), listed.totalCount], [[other.keyId], 1]);

  assert.deepEqual(await t.destruction.destroyDue(), [keyId]);
  assert.deepEqual(await readdir(path.join(t.directory, 'keys')), [other.primaryVersionId]);
  assert.equal(await findKey(t.database.read, keyId), undefined);
  assert.equal(await findAlias(t.database.read, SCOPE.accountId, SCOPE.regionId, 'alias/mine'), undefined);
  assert.deepEqual(await t.destruction.destroyDue(), []);
});

test('an account has at most 200 keys of its own in a region, and the service key does not count', async () => {
  await using t = await openTestKms();
  const service = await t.serviceKeys.obtain(SCOPE);
  const template = await t.makeKey();
  await t.database.transact(async (transaction) => {
    for (let index = 1; index < KEYS_MAX - 1; index++)
      await insertKey(transaction, { ...template, keyId: `filler-${index}` });
  });
  await t.makeKey();
  await assert.rejects(t.makeKey(), { code: 'LIMIT_EXCEEDED' });
  assert.equal((await readdir(path.join(t.directory, 'keys'))).length, 3);
  await t.makeKey('Aliyun_AES_256', OTHER_REGION);
  assert.equal((await t.serviceKeys.obtain(SCOPE)).keyId, service.keyId);
});

test('a key row that was edited in the database is refused', async () => {
  await using t = await openTestKms();
  const { keyId } = await t.makeKey();
  await t.keys.disable(SCOPE, keyId);
  await t.database.transact((transaction) =>
    transaction.queries.updateTable('keys').set({ keyState: 'Enabled' }).where('keyId', '=', keyId).execute(),
  );
  await assert.rejects(t.keys.find(SCOPE, keyId, NO_ALIAS), { kind: 'corrupt', code: 'ROW_ALTERED' });
});

test('a protected key cannot be scheduled for deletion until the protection is lifted', async () => {
  await using t = await openTestKms();
  const { keyId } = await t.makeKey();
  await t.keys.protect(SCOPE, keyId, 'production');
  assert.equal((await t.keys.find(SCOPE, keyId, NO_ALIAS)).deletionProtectionDescription, 'production');
  await assert.rejects(t.keys.scheduleDeletion(SCOPE, keyId, 7), { code: 'KEY_STATE_CONFLICT' });
  await t.keys.protect(SCOPE, keyId, undefined);
  const key = await t.keys.find(SCOPE, keyId, NO_ALIAS);
  assert.deepEqual([key.deletionProtection, key.deletionProtectionDescription], [false, null]);
  await t.keys.scheduleDeletion(SCOPE, keyId, 7);
});

test('a key for imported material is made without any, and waits for it', async () => {
  await using t = await openTestKms();
  const key = await t.keys.create(SCOPE, { ...newKey(SCOPE, 'Aliyun_AES_256'), origin: 'EXTERNAL' });
  assert.deepEqual([key.keyState, key.origin], ['PendingImport', 'EXTERNAL']);
  assert.deepEqual(await readdir(path.join(t.directory, 'keys')), []);
  const versions = await listKeyVersions(t.database.read, key.keyId);
  assert.deepEqual(
    versions.map(({ keyVersionId }) => keyVersionId),
    [key.primaryVersionId],
  );
  await assert.rejects(t.keys.findFor('Encrypt', SCOPE, key.keyId, NO_ALIAS), { code: 'KEY_PENDING_IMPORT' });
});

test('nothing about the service key can be changed', async () => {
  await using t = await openTestKms();
  const { keyId } = await t.serviceKeys.obtain(SCOPE);
  const fixed = { kind: 'denied', code: 'SERVICE_KEY_FIXED' };
  await assert.rejects(t.keys.enable(SCOPE, keyId), fixed);
  await assert.rejects(t.keys.disable(SCOPE, keyId), fixed);
  await assert.rejects(t.keys.scheduleDeletion(SCOPE, keyId, 7), fixed);
  await assert.rejects(t.keys.cancelDeletion(SCOPE, keyId), fixed);
  await assert.rejects(t.keys.protect(SCOPE, keyId, ''), fixed);
  await assert.rejects(t.keys.describe(SCOPE, keyId, 'mine'), fixed);
  await assert.rejects(t.keys.setPolicy(SCOPE, keyId, '{}'), fixed);
  await assert.rejects(t.versions.create(SCOPE, keyId), fixed);
  await assert.rejects(t.versions.setRotation(SCOPE, keyId, 7 * 86_400), fixed);
  await assert.rejects(t.aliases.update(SCOPE, 'alias/acs/ecs', keyId), fixed);
  await assert.rejects(t.aliases.delete(SCOPE, 'alias/acs/ecs'), fixed);
});

test('aliases are unique in an account and region, and lead to their key there only', async () => {
  await using t = await openTestKms();
  const one = await t.makeKey();
  const two = await t.makeKey();
  await t.aliases.create(SCOPE, 'alias/a', one.keyId);
  await t.aliases.create(SCOPE, 'alias/b', one.keyId);
  await assert.rejects(t.aliases.create(SCOPE, 'alias/a', two.keyId), { code: 'ALIAS_EXISTS' });
  assert.equal((await t.keys.find(SCOPE, 'alias/a', { alias: 'allowed' })).keyId, one.keyId);
  await assert.rejects(t.keys.find(SCOPE, 'alias/a', NO_ALIAS), { code: 'ALIAS_UNSUPPORTED' });
  for (const scope of [OTHER_ACCOUNT, OTHER_REGION])
    await assert.rejects(t.keys.find(scope, 'alias/a', { alias: 'allowed' }), { code: 'ALIAS_NOT_FOUND' });
});
