import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ModifyDiskDefaultKMSKeyId } from '../../../../src/services/ecs/actions/ModifyDiskDefaultKMSKeyId.ts';
import { defaultKey, switchOn } from '../default-encryption.ts';
import { ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, TestCloud } from '../test-cloud.ts';

const modify = (cloud: TestCloud, KMSKeyId: string) =>
  cloud.call(ModifyDiskDefaultKMSKeyId(cloud.parts), { RegionId: REGION, KMSKeyId });

test('new disks are made under the key, named by id or ARN; an SM4 key makes SM4 disks', async () => {
  await using cloud = await TestCloud.ready();
  await switchOn(cloud);
  const before = await cloud.createDisk();
  const [aes, sm4] = [await cloud.createKey(), await cloud.createKey('Aliyun_SM4')];
  assert.deepEqual(await modify(cloud, aes), {});
  assert.equal((await cloud.disk(await cloud.createDisk())).kmsKeyId, aes);
  await modify(cloud, `acs:kms:${REGION}:${ACCOUNT}:key/${sm4}`);
  assert.equal(await defaultKey(cloud), sm4, 'the id is stored');
  const { kmsKeyId, suite } = await cloud.disk(await cloud.createDisk());
  assert.deepEqual([kmsKeyId, suite], [sm4, 'sm4-gcm']);
  const mismatch = () => cloud.createDisk({ Encrypted: true, EncryptAlgorithm: 'AES-256' });
  await cloud.refuses(mismatch, 'InvalidEncryptAlgorithm', 400);
  assert.notEqual((await cloud.disk(before)).kmsKeyId, sm4, 'disks that exist keep their key');
});

test('a key is tagged as one that disks use when it is chosen', async () => {
  await using cloud = await TestCloud.ready();
  await switchOn(cloud);
  const keyId = await cloud.createKey();
  await modify(cloud, keyId);
  const { tags } = await cloud.kms.keys.find({ accountId: ACCOUNT, regionId: REGION }, keyId, { alias: 'refused' });
  assert.deepEqual(tags, [{ key: 'acs:ecs:disk-encryption', value: 'true' }]);
});

test('where default encryption is off there is nothing to change', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  await cloud.refuses(() => modify(cloud, keyId), 'InvalidDefaultEncryption.NotFound', 403);
});

test('a key that disks could not be made under is refused, and the former one stays', async () => {
  await using cloud = await TestCloud.ready();
  await switchOn(cloud);
  const former = await defaultKey(cloud);
  const disabled = await cloud.createKey();
  await cloud.disableKey(disabled);
  const unknown = [
    'no-such-key',
    'alias/acs/ecs',
    await cloud.createKey('Aliyun_AES_256', { account: OTHER_ACCOUNT }),
    await cloud.createKey('Aliyun_AES_256', { region: OTHER_REGION }),
  ];
  const refused: readonly (readonly [string, string, number])[] = [
    [disabled, 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403],
    [await cloud.createKey('Aliyun_AES_128'), 'InvalidKMSKeyId.NotSymmetric', 400],
    ...unknown.map((keyId) => [keyId, 'InvalidOperation.KMSKeyIdNotFound', 403] as const),
  ];
  for (const [keyId, code, httpStatus] of refused) await cloud.refuses(() => modify(cloud, keyId), code, httpStatus);
  assert.equal(await defaultKey(cloud), former);
});

test('M6: an own key needs the disk role, and one that may tag it', async () => {
  await using cloud = await TestCloud.open();
  await cloud.openKms();
  await switchOn(cloud);
  const keyId = await cloud.createKey();
  await cloud.refuses(() => modify(cloud, keyId), 'InvalidParameter.KMSKeyId.KMSUnauthorized', 403);
  await cloud.allowDiskRole({ kmsActions: ['kms:DescribeKey', 'kms:GenerateDataKey'] });
  await cloud.refuses(() => modify(cloud, keyId), 'InvalidParameter.KMSKeyId.CMKUnauthorized', 403);
});

test('permission: ecs:ModifyDiskDefaultKMSKeyId on the region', async () => {
  await using cloud = await TestCloud.open();
  const call = cloud.callOf({ RegionId: REGION, KMSKeyId: 'k' });
  assert.deepEqual(ModifyDiskDefaultKMSKeyId(cloud.parts).access(call), [
    { action: 'ecs:ModifyDiskDefaultKMSKeyId', resource: `acs:ecs:${REGION}:${ACCOUNT}:*` },
  ]);
});
