import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { keyVersionOf } from '../../src/kms/ciphertext-blob.ts';
import { KEY_VERSIONS_MAX } from '../../src/kms/key-versions.ts';
import { insertKeyVersion } from '../../src/metadata/key-versions.ts';
import type { Key } from '../../src/metadata/keys.ts';
import { assertSameBytes, DAY_MS, newKey, openTestKms, OTHER_ACCOUNT, SCOPE } from './open-test-kms.ts';
import type { TestKms } from './open-test-kms.ts';

const NO_ALIAS = { alias: 'refused' } as const;
const WEEK_S = 7 * 24 * 60 * 60;
const TEXT = Buffer.from('a secret');

const keyOf = (t: TestKms, { keyId }: Key): Promise<Key> => t.keys.find(SCOPE, keyId, NO_ALIAS);

test('a rotated key seals under a new version, and still opens what the older ones sealed', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey('Aliyun_SM4');
  await t.versions.setRotation(SCOPE, key.keyId, WEEK_S);
  const sealed = [await t.envelope.encrypt('Encrypt', key, {}, TEXT)];
  for (let count = 0; count < 3; count++) {
    t.advance(7 * DAY_MS);
    await t.versions.rotateDue();
    sealed.push(await t.envelope.encrypt('Encrypt', await keyOf(t, key), {}, TEXT));
  }
  assert.equal(new Set(sealed.map(({ keyVersionId }) => keyVersionId)).size, 4);
  const versions = await t.versions.list(SCOPE, key.keyId, NO_ALIAS);
  assert.deepEqual(
    versions.map(({ keyVersionId }) => keyVersionId),
    sealed.map(({ keyVersionId }) => keyVersionId),
  );
  for (const { blob, keyVersionId } of sealed) {
    const opened = await t.envelope.decrypt(SCOPE, {}, blob);
    assertSameBytes(opened.plaintext, TEXT);
    assert.equal(opened.keyVersionId, keyVersionId);
  }
  assert.equal((await readdir(path.join(t.directory, 'keys'))).length, 4);
});

test('the data key of a disk stays under the version that sealed it, and new disks use the new one', async () => {
  await using t = await openTestKms();
  const { keyId } = await t.makeKey();
  await t.versions.setRotation(SCOPE, keyId, WEEK_S);
  const old = await t.diskKeys.generate({ ...SCOPE, diskId: 'd-old', keyId });
  t.advance(7 * DAY_MS);
  await t.versions.rotateDue();
  const { wrapped, suite } = old;
  assertSameBytes(await t.diskKeys.open({ ...SCOPE, kmsKeyId: keyId, diskId: 'd-old', suite, wrapped }), old.plaintext);
  const fresh = await t.diskKeys.generate({ ...SCOPE, diskId: 'd-new', keyId });
  assert.notEqual(keyVersionOf(fresh.wrapped), keyVersionOf(old.wrapped));
});

test('a rotation is due one interval after the last one, and a missed one is made up for once', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey();
  t.advance(3 * DAY_MS);
  await t.versions.setRotation(SCOPE, key.keyId, WEEK_S);
  const dueMs = key.createdMs + 7 * DAY_MS;
  assert.equal((await keyOf(t, key)).nextRotationMs, dueMs);
  t.advance(4 * DAY_MS - 1);
  assert.equal(await t.versions.rotateDue(), dueMs);
  assert.equal((await keyOf(t, key)).primaryVersionId, key.primaryVersionId);
  t.advance(30 * DAY_MS + 1);
  const nowMs = key.createdMs + 37 * DAY_MS;
  assert.equal(await t.versions.rotateDue(), nowMs + 7 * DAY_MS);
  const { primaryVersionId, lastRotationMs } = await keyOf(t, key);
  assert.notEqual(primaryVersionId, key.primaryVersionId);
  assert.equal(lastRotationMs, nowMs);
  await t.versions.rotateDue();
  assert.equal((await t.versions.list(SCOPE, key.keyId, NO_ALIAS)).length, 2);
});

test('a key that is disabled or waits for its deletion is not rotated before it is enabled again', async () => {
  await using t = await openTestKms();
  const disabled = await t.keys.create(SCOPE, { ...newKey(SCOPE, 'Aliyun_AES_256'), rotationIntervalS: WEEK_S });
  const dying = await t.keys.create(SCOPE, { ...newKey(SCOPE, 'Aliyun_AES_256'), rotationIntervalS: WEEK_S });
  await t.keys.disable(SCOPE, disabled.keyId);
  await t.keys.scheduleDeletion(SCOPE, dying.keyId, 30);
  t.advance(8 * DAY_MS);
  assert.equal(await t.versions.rotateDue(), undefined);
  for (const key of [disabled, dying]) assert.equal((await keyOf(t, key)).primaryVersionId, key.primaryVersionId);
  await t.keys.enable(SCOPE, disabled.keyId);
  await t.keys.cancelDeletion(SCOPE, dying.keyId);
  await t.versions.rotateDue();
  for (const key of [disabled, dying]) assert.notEqual((await keyOf(t, key)).primaryVersionId, key.primaryVersionId);
});

test('two rotations at the same time make one version, and leave one file', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey();
  await t.versions.setRotation(SCOPE, key.keyId, WEEK_S);
  t.advance(7 * DAY_MS);
  await Promise.all([t.versions.rotateDue(), t.versions.rotateDue()]);
  assert.equal((await t.versions.list(SCOPE, key.keyId, NO_ALIAS)).length, 2);
  assert.equal((await readdir(path.join(t.directory, 'keys'))).length, 2);
});

test('a rotation that is stopped does not happen', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey();
  await t.versions.setRotation(SCOPE, key.keyId, WEEK_S);
  await t.versions.setRotation(SCOPE, key.keyId, undefined);
  t.advance(400 * DAY_MS);
  assert.equal(await t.versions.rotateDue(), undefined);
  const stopped = await keyOf(t, key);
  assert.deepEqual([stopped.automaticRotation, stopped.rotationIntervalS, stopped.nextRotationMs], [false, null, null]);
});

test('only symmetric keys that KMS generated are rotated by the clock, and only asymmetric ones by hand', async () => {
  await using t = await openTestKms();
  const unsupported = { kind: 'invalid', code: 'OPERATION_UNSUPPORTED' };
  const rsa = await t.makeKey('RSA_2048');
  const aes = await t.makeKey();
  await assert.rejects(t.versions.setRotation(SCOPE, rsa.keyId, WEEK_S), unsupported);
  t.advance(8 * DAY_MS);
  await assert.rejects(t.versions.create(SCOPE, aes.keyId), unsupported);
  await t.versions.create(SCOPE, rsa.keyId);
});

test('versions of an asymmetric key are made seven days apart, and the newest is primary', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey('RSA_2048');
  t.advance(7 * DAY_MS - 1);
  await assert.rejects(t.versions.create(SCOPE, key.keyId), { code: 'LIMIT_EXCEEDED', message: /seven days/ });
  assert.equal((await readdir(path.join(t.directory, 'keys'))).length, 1);
  t.advance(1);
  const version = await t.versions.create(SCOPE, key.keyId);
  assert.equal((await keyOf(t, key)).primaryVersionId, version.keyVersionId);
  assert.deepEqual(await t.versions.find(SCOPE, key.keyId, version.keyVersionId), version);
  await assert.rejects(t.versions.create(SCOPE, key.keyId), { code: 'LIMIT_EXCEEDED' });
});

test('an asymmetric key has at most 50 versions', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey('RSA_2048');
  await t.database.transact(async (transaction) => {
    for (let index = 1; index < KEY_VERSIONS_MAX; index++)
      await insertKeyVersion(transaction, {
        keyVersionId: `filler-${index}`,
        keyId: key.keyId,
        materialSealed: null,
        createdMs: key.createdMs,
      });
  });
  t.advance(8 * DAY_MS);
  await assert.rejects(t.versions.create(SCOPE, key.keyId), { code: 'LIMIT_EXCEEDED', message: /50 versions/ });
});

test('a version is found under its own key only', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey();
  const other = await t.makeKey();
  const foreign = await t.makeKey('Aliyun_AES_256', OTHER_ACCOUNT);
  const unknown = { kind: 'not-found', code: 'KEY_VERSION_NOT_FOUND' };
  for (const id of [other.primaryVersionId, foreign.primaryVersionId, 'no-such-version', ''])
    await assert.rejects(t.versions.find(SCOPE, key.keyId, id), unknown);
  await assert.rejects(t.versions.find(SCOPE, foreign.keyId, foreign.primaryVersionId), { code: 'KEY_NOT_FOUND' });
});

test('a rotation whose rows cannot be stored leaves no material behind, and other keys are rotated all the same', async () => {
  await using t = await openTestKms();
  const [first, second] = [await t.makeKey(), await t.makeKey()];
  for (const { keyId } of [first, second]) await t.versions.setRotation(SCOPE, keyId, WEEK_S);
  t.advance(8 * DAY_MS);
  // The first key's version row is edited, so that nobody believes its list of versions any more.
  await t.database.transact((transaction) =>
    transaction.queries.updateTable('keyVersions').set({ createdMs: 0 }).where('keyId', '=', first.keyId).execute(),
  );
  await assert.rejects(t.versions.rotateDue(), { code: 'ROW_ALTERED' });
  assert.equal((await readdir(path.join(t.directory, 'keys'))).length, 3);
  assert.notEqual((await keyOf(t, second)).primaryVersionId, second.primaryVersionId);
});
