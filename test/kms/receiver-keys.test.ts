import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { SystemError } from '../../src/base/errors.ts';
import { keyArn } from '../../src/kms/key-reference.ts';
import { SHARING_ROLE } from '../../src/kms/receiver-keys.ts';
import { kmsServices } from '../../src/metadata/kms-services.ts';
import { assertSameBytes, DAY_MS, openTestKms, OTHER_ACCOUNT, OTHER_REGION, SCOPE } from './open-test-kms.ts';
import type { TestKms } from './open-test-kms.ts';

const RECEIVER = OTHER_ACCOUNT.accountId;

/** A data key of an image's disk, and how its receiver asks for it. */
async function shared(t: TestKms, spec: 'Aliyun_AES_256' | 'Aliyun_SM4' = 'Aliyun_AES_256') {
  const key = await t.makeKey(spec);
  const made = await t.diskKeys.generate({ ...SCOPE, keyId: key.keyId, diskId: 'd-1' });
  t.asked.length = 0;
  t.uses.recorded.length = 0;
  return { key, made, request: { ...SCOPE, ...made, diskId: 'd-1', receiver: RECEIVER } };
}

for (const spec of ['Aliyun_AES_256', 'Aliyun_SM4'] as const)
  test(`M20: a receiver opens a data key under a ${spec} key of the account that shares, through the sharing role`, async () => {
    await using t = await openTestKms();
    const { key, made, request } = await shared(t, spec);
    assert.equal(await t.diskKeys.sharingObstacle(request), undefined);
    assertSameBytes(await t.diskKeys.openForReceiver(request), made.plaintext);
    const arn = keyArn(SCOPE, key.keyId);
    assert.deepEqual(t.asked.slice(-2), [`kms:DescribeKey ${arn}`, `kms:Decrypt ${arn}`]);
    const { roleName, service, accountId } = t.roles.at(-1) ?? {};
    assert.deepEqual([roleName, service], [SHARING_ROLE, `${RECEIVER}@ecs.aliyuncs.com`]);
    assert.equal(accountId, SCOPE.accountId, 'the role of the account that shares is asked');
  });

test('every use for a receiver is on record before it, with both accounts, and a check is none', async () => {
  await using t = await openTestKms();
  const { key, request } = await shared(t);
  await t.diskKeys.sharingObstacle(request);
  assert.deepEqual(t.uses.recorded, []);
  await t.diskKeys.openForReceiver(request);
  assert.deepEqual(t.uses.recorded, [
    {
      account: SCOPE.accountId,
      region: SCOPE.regionId,
      service: `${RECEIVER}@ecs.aliyuncs.com`,
      role: SHARING_ROLE,
      receiver: RECEIVER,
      keyId: key.keyId,
      keyVersionId: key.primaryVersionId,
      purpose: 'Decrypt',
      diskId: 'd-1',
    },
  ]);
  t.uses.failure = new SystemError('unavailable', 'AUDIT_UNAVAILABLE', 'no room');
  // Without its material, any use of the key would end in another error.
  await rm(path.join(t.directory, 'keys', key.primaryVersionId));
  await assert.rejects(t.diskKeys.openForReceiver(request), { code: 'AUDIT_UNAVAILABLE' });
});

for (const [verdict, says] of [
  ['role-missing', /does not exist .* trusting 1000000000000002@ecs\.aliyuncs\.com/],
  ['not-trusted', /does not trust 1000000000000002@ecs\.aliyuncs\.com/],
] as const)
  test(`with the sharing role ${verdict} nothing opens, and what is missing is named`, async () => {
    await using t = await openTestKms();
    const { request } = await shared(t);
    t.role.verdict = verdict;
    const found = await t.diskKeys.sharingObstacle(request);
    assert.equal(found?.obstacle, 'role');
    assert.match(found?.message ?? '', says);
    await assert.rejects(t.diskKeys.openForReceiver(request), { kind: 'denied', code: 'KMSUnauthorized' });
    assert.deepEqual(t.uses.recorded, [], 'a refused use is no use');
  });

for (const action of ['kms:DescribeKey', 'kms:Decrypt'])
  test(`a sharing role that may not ${action} opens nothing`, async () => {
    await using t = await openTestKms();
    const { request } = await shared(t);
    t.role.allowed = (asked) => asked !== action;
    const found = await t.diskKeys.sharingObstacle(request);
    assert.deepEqual([found?.obstacle, found?.message.includes(action)], ['permission', true]);
    await assert.rejects(t.diskKeys.openForReceiver(request), { code: 'KMSUnauthorized' });
  });

test('M28: while its key is disabled, waits for deletion or is gone, nothing opens; enabled again, it does', async () => {
  await using t = await openTestKms();
  const { key, made, request } = await shared(t);
  const closed = async (): Promise<void> => {
    assert.equal((await t.diskKeys.sharingObstacle(request))?.obstacle, 'not-enabled');
    await assert.rejects(t.diskKeys.openForReceiver(request), { kind: 'denied', code: 'CMKNotEnabled' });
  };
  await t.keys.disable(SCOPE, key.keyId);
  await closed();
  await t.keys.enable(SCOPE, key.keyId);
  assertSameBytes(await t.diskKeys.openForReceiver(request), made.plaintext);
  await t.keys.scheduleDeletion(SCOPE, key.keyId, 7);
  await closed();
  t.advance(7 * DAY_MS);
  await t.destruction.destroyDue();
  await closed();
});

test('where KMS is not open for the account that shares, nothing opens', async () => {
  await using t = await openTestKms();
  const { request } = await shared(t);
  await t.database.transact((transaction) => kmsServices.delete(transaction, SCOPE));
  await assert.rejects(t.diskKeys.openForReceiver(request), { code: 'CMKNotEnabled' });
});

test('what is under the service key opens for nobody else, whatever the role says', async () => {
  await using t = await openTestKms();
  const made = await t.diskKeys.generate({ ...SCOPE, diskId: 'd-1' });
  const request = { ...SCOPE, ...made, diskId: 'd-1', receiver: RECEIVER };
  assert.equal((await t.diskKeys.sharingObstacle(request))?.obstacle, 'service-key');
  await assert.rejects(t.diskKeys.openForReceiver(request), { code: 'KMSUnauthorized' });
});

test('a wrapped data key opens for its own account, region, key, disk and suite only', async () => {
  await using t = await openTestKms();
  const { request } = await shared(t);
  const second = await t.makeKey();
  const damaged = { kind: 'corrupt', code: 'DATA_KEY_DAMAGED' };
  await assert.rejects(t.diskKeys.openForReceiver({ ...request, diskId: 'd-2' }), damaged);
  await assert.rejects(t.diskKeys.openForReceiver({ ...request, suite: 'sm4-gcm' }), damaged);
  await assert.rejects(t.diskKeys.openForReceiver({ ...request, kmsKeyId: second.keyId }), damaged);
  for (const scope of [OTHER_ACCOUNT, OTHER_REGION])
    await assert.rejects(t.diskKeys.openForReceiver({ ...request, ...scope }), { code: 'CMKNotEnabled' });
});
