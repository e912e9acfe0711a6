import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { SystemError } from '../../src/base/errors.ts';
import { diskKeyRefusalOf } from '../../src/kms/disk-key-rules.ts';
import { keyArn } from '../../src/kms/key-reference.ts';
import { kmsServices } from '../../src/metadata/kms-services.ts';
import type { KeySpec } from '../../src/metadata/keys.ts';
import { assertSameBytes, DAY_MS, openTestKms, OTHER_ACCOUNT, OTHER_REGION, SCOPE } from './open-test-kms.ts';

const ROLE_ERRORS = {
  'role-missing': /does not exist/,
  'not-trusted': /does not trust ecs.aliyuncs.com/,
} as const;

for (const [spec, suite] of [
  ['Aliyun_AES_256', 'aes-256-gcm'],
  ['Aliyun_SM4', 'sm4-gcm'],
] as const) {
  test(`a disk under a user's ${spec} key gets a data key for ${suite}, and it opens again after a restart`, async () => {
    await using t = await openTestKms();
    const { keyId } = await t.makeKey(spec);
    const made = await t.diskKeys.generate({ ...SCOPE, keyId, diskId: 'd-1' });
    assert.deepEqual([made.kmsKeyId, made.suite, made.plaintext.length], [keyId, suite, 32]);
    const { diskKeys } = await t.reopen();
    assertSameBytes(await diskKeys.open({ ...SCOPE, diskId: 'd-1', ...made }), made.plaintext);
    const other = await t.diskKeys.generate({ ...SCOPE, keyId: keyArn(SCOPE, keyId), diskId: 'd-1' });
    assert.equal(other.kmsKeyId, keyId, 'an ARN is stored as the id');
    assert.notDeepEqual(other.plaintext, made.plaintext);
  });
}

test('without a key id a disk gets a data key under the service key, and no role is asked', async () => {
  await using t = await openTestKms();
  t.role.verdict = 'role-missing';
  const made = await t.diskKeys.generate({ ...SCOPE, diskId: 'd-1' });
  assert.equal(made.kmsKeyId, (await t.serviceKeys.find(SCOPE))?.keyId);
  assertSameBytes(await t.diskKeys.open({ ...SCOPE, diskId: 'd-1', ...made }), made.plaintext);
  const named = await t.diskKeys.generate({ ...SCOPE, keyId: made.kmsKeyId, diskId: 'd-2' });
  assert.equal(named.kmsKeyId, made.kmsKeyId);
  assert.deepEqual(t.asked, []);
});

test('a wrapped data key is bound to its disk, its suite, its key and being encrypted', async () => {
  await using t = await openTestKms();
  const { keyId } = await t.makeKey();
  const second = await t.makeKey();
  const made = await t.diskKeys.generate({ ...SCOPE, keyId, diskId: 'd-1' });
  const right = { ...SCOPE, diskId: 'd-1', ...made };
  const damaged = { kind: 'corrupt', code: 'DATA_KEY_DAMAGED' };
  await assert.rejects(t.diskKeys.open({ ...right, diskId: 'd-2' }), damaged);
  await assert.rejects(t.diskKeys.open({ ...right, suite: 'sm4-gcm' }), damaged);
  await assert.rejects(t.diskKeys.open({ ...right, kmsKeyId: second.keyId }), damaged);
  await assert.rejects(t.diskKeys.open({ ...right, wrapped: made.wrapped.subarray(1) }), damaged);
  assert.throws(() => t.diskKeys.openPlain(right), { kind: 'corrupt' });
});

test('the data key of an unencrypted disk is wrapped by the root key, bound to the disk, and needs no KMS', async () => {
  await using t = await openTestKms({ open: false });
  const made = t.diskKeys.generatePlain({ diskId: 'd-1' });
  assert.deepEqual([made.suite, made.plaintext.length], ['aes-256-gcm', 32]);
  assertSameBytes(t.diskKeys.openPlain({ diskId: 'd-1', ...made }), made.plaintext);
  assert.throws(() => t.diskKeys.openPlain({ ...made, diskId: 'd-2' }), { kind: 'corrupt' });
  assert.throws(() => t.diskKeys.openPlain({ ...made, diskId: 'd-1', suite: 'sm4-gcm' }), { kind: 'corrupt' });
});

test("a user's own key asks the role for exactly what the use needs, at every use", async () => {
  await using t = await openTestKms();
  const { keyId } = await t.makeKey();
  const on = (action: string): string => `kms:${action} ${keyArn(SCOPE, keyId)}`;
  const made = await t.diskKeys.generate({ ...SCOPE, keyId, diskId: 'd-1' });
  assert.deepEqual(t.asked.splice(0), [on('DescribeKey'), on('GenerateDataKey'), on('TagResource')]);
  assert.deepEqual((await t.keys.find(SCOPE, keyId, { alias: 'refused' })).tags, [
    { key: 'acs:ecs:disk-encryption', value: 'true' },
  ]);
  await t.diskKeys.generate({ ...SCOPE, keyId, diskId: 'd-2' });
  assert.deepEqual(t.asked.splice(0), [on('DescribeKey'), on('GenerateDataKey')], 'it is tagged already');
  await t.diskKeys.open({ ...SCOPE, diskId: 'd-1', ...made });
  assert.deepEqual(t.asked.splice(0), [on('DescribeKey'), on('Decrypt')]);
});

for (const verdict of ['role-missing', 'not-trusted'] as const) {
  test(`with the role ${verdict}, no disk is made or opened under a user's key, and the cause is named`, async () => {
    await using t = await openTestKms();
    const { keyId } = await t.makeKey();
    const made = await t.diskKeys.generate({ ...SCOPE, keyId, diskId: 'd-1' });
    t.role.verdict = verdict;
    const expected = { kind: 'denied', code: 'KMSUnauthorized', message: ROLE_ERRORS[verdict] };
    await assert.rejects(t.diskKeys.generate({ ...SCOPE, keyId, diskId: 'd-2' }), expected);
    await assert.rejects(t.diskKeys.open({ ...SCOPE, diskId: 'd-1', ...made }), expected);
  });
}

test('a role that may not use the key, or may not tag it on first use, is refused with its own code', async () => {
  await using t = await openTestKms();
  const { keyId } = await t.makeKey();
  const denied = (action: string) => {
    t.role.allowed = (asked) => asked !== action;
    return t.diskKeys.generate({ ...SCOPE, keyId, diskId: 'd-1' });
  };
  await assert.rejects(denied('kms:DescribeKey'), { code: 'KMSUnauthorized', message: /kms:DescribeKey/ });
  await assert.rejects(denied('kms:GenerateDataKey'), { code: 'KMSUnauthorized' });
  await assert.rejects(denied('kms:TagResource'), { kind: 'denied', code: 'CMKUnauthorized' });
  assert.deepEqual((await t.keys.find(SCOPE, keyId, { alias: 'refused' })).tags, []);
  const made = await denied('kms:Decrypt');
  await assert.rejects(t.diskKeys.open({ ...SCOPE, diskId: 'd-1', ...made }), { code: 'KMSUnauthorized' });
});

test('a key that is disabled or about to be deleted opens no disk until it is enabled again', async () => {
  await using t = await openTestKms();
  const { keyId } = await t.makeKey();
  const made = await t.diskKeys.generate({ ...SCOPE, keyId, diskId: 'd-1' });
  const open = () => t.diskKeys.open({ ...SCOPE, diskId: 'd-1', ...made });
  const notEnabled = { kind: 'denied', code: 'CMKNotEnabled' };
  await t.keys.disable(SCOPE, keyId);
  await assert.rejects(open(), notEnabled);
  await assert.rejects(t.diskKeys.generate({ ...SCOPE, keyId, diskId: 'd-2' }), notEnabled);
  await t.keys.enable(SCOPE, keyId);
  assertSameBytes(await open(), made.plaintext);
  await t.keys.scheduleDeletion(SCOPE, keyId, 7);
  await assert.rejects(open(), notEnabled);
  await t.keys.cancelDeletion(SCOPE, keyId);
  assertSameBytes(await open(), made.plaintext);
  await t.keys.scheduleDeletion(SCOPE, keyId, 7);
  t.advance(7 * DAY_MS);
  await t.destruction.destroyDue();
  await assert.rejects(open(), { kind: 'not-found', code: 'KeyNotFound' });
});

test('where KMS is not open, no disk under a key is made or opened', async () => {
  await using t = await openTestKms();
  const made = await t.diskKeys.generate({ ...SCOPE, diskId: 'd-1' });
  await t.database.transact((transaction) => kmsServices.delete(transaction, SCOPE));
  await assert.rejects(t.diskKeys.generate({ ...SCOPE, diskId: 'd-2' }), { kind: 'denied', code: 'KmsNotEnabled' });
  await assert.rejects(t.diskKeys.open({ ...SCOPE, diskId: 'd-1', ...made }), { code: 'KmsNotEnabled' });
});

test('unknown keys, aliases and keys of other accounts and regions are not found', async () => {
  await using t = await openTestKms();
  const { keyId } = await t.makeKey();
  await t.aliases.create(SCOPE, 'alias/mine', keyId);
  const foreign = await t.makeKey('Aliyun_AES_256', OTHER_ACCOUNT);
  const elsewhere = await t.makeKey('Aliyun_AES_256', OTHER_REGION);
  const references = [
    '0e478b7a-4262-4802-b8cb-00d3fb40826b',
    'nonsense',
    'alias/mine',
    'alias/acs/ecs',
    foreign.keyId,
    keyArn(OTHER_ACCOUNT, foreign.keyId),
    elsewhere.keyId,
    keyArn(OTHER_REGION, elsewhere.keyId),
  ];
  for (const reference of references)
    await assert.rejects(t.diskKeys.generate({ ...SCOPE, keyId: reference, diskId: 'd-1' }), { code: 'KeyNotFound' });
});

test('refusals come in the documented order: KMS open, role, key exists, spec, state, tag', async () => {
  await using t = await openTestKms({ open: false });
  const refusal = async (keyId: string): Promise<unknown> => {
    try {
      return await t.diskKeys.generate({ ...SCOPE, keyId, diskId: 'd-1' });
    } catch (error) {
      return diskKeyRefusalOf(error) ?? error;
    }
  };
  const disabled = async (spec: KeySpec): Promise<string> => {
    const { keyId } = await t.makeKey(spec);
    await t.keys.disable(SCOPE, keyId);
    return keyId;
  };
  const rsa = await disabled('RSA_2048');
  const aes128 = await disabled('Aliyun_AES_128');
  const aes256 = await disabled('Aliyun_AES_256');
  t.role.verdict = 'role-missing';
  assert.equal(await refusal('unknown'), 'KmsNotEnabled');
  await t.service.open(SCOPE);
  assert.equal(await refusal('unknown'), 'KMSUnauthorized');
  t.role.verdict = 'exists';
  t.role.allowed = (action) => action !== 'kms:TagResource';
  assert.equal(await refusal('unknown'), 'KeyNotFound');
  assert.equal(await refusal(rsa), 'NotSymmetric');
  assert.equal(await refusal(aes128), 'NotSymmetric');
  assert.equal(await refusal(aes256), 'CMKNotEnabled');
  await t.keys.enable(SCOPE, aes256);
  assert.equal(await refusal(aes256), 'CMKUnauthorized');
  t.role.allowed = () => true;
  assert.equal(((await refusal(aes256)) as { kmsKeyId: string }).kmsKeyId, aes256);
});

test('every use of a key by the system is on record before it, with service, role, key version and disk', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey();
  const made = await t.diskKeys.generate({ ...SCOPE, keyId: key.keyId, diskId: 'd-1' });
  await t.diskKeys.open({ ...SCOPE, diskId: 'd-1', ...made });
  const byService = await t.diskKeys.generate({ ...SCOPE, diskId: 'd-2' });
  await t.diskKeys.rewrap({ ...SCOPE, diskId: 'd-1', ...made });
  const use = {
    account: SCOPE.accountId,
    region: SCOPE.regionId,
    service: 'ecs.aliyuncs.com',
    role: 'AliyunECSDiskEncryptDefaultRole',
    keyId: key.keyId,
    keyVersionId: key.primaryVersionId,
    diskId: 'd-1',
  };
  const [first, second, third, fourth] = t.uses.recorded;
  assert.deepEqual(first, { ...use, purpose: 'GenerateDataKey' });
  assert.deepEqual(second, { ...use, purpose: 'Decrypt' });
  assert.deepEqual([third?.role, third?.keyId, third?.diskId], [null, byService.kmsKeyId, 'd-2']);
  assert.deepEqual(fourth, { ...use, purpose: 'Encrypt' });
  assert.equal(t.uses.recorded.length, 4);
});

test('a key whose use cannot be put on record is not used', async () => {
  await using t = await openTestKms();
  const { keyId, primaryVersionId } = await t.makeKey();
  const made = await t.diskKeys.generate({ ...SCOPE, keyId, diskId: 'd-1' });
  t.uses.failure = new SystemError('unavailable', 'AUDIT_UNAVAILABLE', 'no room');
  // Without its material, any use of the key would end in another error.
  await rm(path.join(t.directory, 'keys', primaryVersionId));
  await assert.rejects(t.diskKeys.generate({ ...SCOPE, keyId, diskId: 'd-2' }), { code: 'AUDIT_UNAVAILABLE' });
  await assert.rejects(t.diskKeys.open({ ...SCOPE, diskId: 'd-1', ...made }), { code: 'AUDIT_UNAVAILABLE' });
  await assert.rejects(t.diskKeys.rewrap({ ...SCOPE, diskId: 'd-1', ...made }), { code: 'AUDIT_UNAVAILABLE' });
});

test('a refused use of a key is no use', async () => {
  await using t = await openTestKms();
  const { keyId } = await t.makeKey();
  await t.keys.disable(SCOPE, keyId);
  await assert.rejects(t.diskKeys.generate({ ...SCOPE, keyId, diskId: 'd-1' }), { code: 'CMKNotEnabled' });
  assert.deepEqual(t.uses.recorded, []);
});
