import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DisableDiskEncryptionByDefault } from '../../../../src/services/ecs/actions/DisableDiskEncryptionByDefault.ts';
import { EnableDiskEncryptionByDefault } from '../../../../src/services/ecs/actions/EnableDiskEncryptionByDefault.ts';
import { ModifyDiskDefaultKMSKeyId } from '../../../../src/services/ecs/actions/ModifyDiskDefaultKMSKeyId.ts';
import { nextSnapshot, received, startReceive, streamOf } from '../../sealdisk/transfer-steps.ts';
import { defaultKey } from '../default-encryption.ts';
import { ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, TestCloud } from '../test-cloud.ts';
import type { Asker } from '../test-cloud.ts';

const enable = (cloud: TestCloud, asker: Asker & { readonly RegionId?: string } = {}) =>
  cloud.call(EnableDiskEncryptionByDefault(cloud.parts), { RegionId: asker.RegionId ?? REGION }, asker);
const useKey = (cloud: TestCloud, KMSKeyId: string) =>
  cloud.call(ModifyDiskDefaultKMSKeyId(cloud.parts), { RegionId: REGION, KMSKeyId });

const plainSnapshot = async (cloud: TestCloud) => nextSnapshot(cloud, await cloud.createDisk(), 'plain');

test('from then on every new disk is encrypted under the service key, asked for or not, and no plain one is made', async () => {
  await using cloud = await TestCloud.ready();
  const before = await cloud.createDisk();
  assert.deepEqual(await enable(cloud), {});
  const serviceKeyId = await defaultKey(cloud);
  assert.notEqual(serviceKeyId, '');
  for (const input of [{}, { Encrypted: true }]) {
    const { encrypted, kmsKeyId, wrappedBy } = await cloud.disk(await cloud.createDisk(input));
    assert.deepEqual([encrypted, kmsKeyId, wrappedBy], [true, serviceKeyId, 'kms']);
  }
  const code = 'InvalidEncrypted.NotMatchDiskDefaultEncryption';
  await cloud.refuses(() => cloud.createDisk({ Encrypted: false }), code, 403);
  assert.equal((await cloud.disk(before)).encrypted, false, 'disks that exist stay as they are');
});

test('it is on for one account and one region, and once', async () => {
  await using cloud = await TestCloud.ready();
  await enable(cloud);
  await cloud.refuses(() => enable(cloud), 'InvalidOperation.DefaultEncryptionAlreadyEnabled', 403);
  const elsewhere = await cloud.createDisk({ RegionId: OTHER_REGION, ZoneId: 'cn-beijing-a' });
  const theirs = await cloud.createDisk({}, { account: OTHER_ACCOUNT });
  for (const diskId of [elsewhere, theirs]) assert.equal((await cloud.disk(diskId)).encrypted, false);
});

test('concurrent requests switch it on once', async () => {
  await using cloud = await TestCloud.ready();
  const settled = await Promise.allSettled([enable(cloud), enable(cloud), enable(cloud)]);
  assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const one of settled)
    if (one.status === 'rejected')
      assert.equal((one.reason as { code: string }).code, 'InvalidOperation.DefaultEncryptionAlreadyEnabled');
});

test('it needs KMS, and a region that there is; a refusal switches nothing on', async () => {
  await using cloud = await TestCloud.open();
  await cloud.refuses(() => enable(cloud), 'InvalidParameter.KmsNotEnabled', 400);
  await cloud.refuses(() => enable(cloud, { RegionId: 'mars-1' }), 'InvalidParameter.RegionIdNotExists', 403);
  assert.equal((await cloud.disk(await cloud.createDisk())).encrypted, false);
});

test('where a category or a snapshot cannot be encrypted there is no disk at all', async () => {
  await using cloud = await TestCloud.ready();
  const SnapshotId = await plainSnapshot(cloud);
  await enable(cloud);
  const regional = { DiskCategory: 'cloud_regional_disk_auto' };
  await cloud.refuses(() => cloud.createDisk(regional), 'InvalidParameter.EncryptedNotSupported', 400);
  await cloud.refuses(() => cloud.createDisk({ SnapshotId }), 'NotSupportSnapshotEncrypted.RegionId', 400);
});

test('a key that is named counts more than the default, and the key of an encrypted snapshot more than both', async () => {
  await using cloud = await TestCloud.ready();
  const [ofSnapshot, ofDefault, named] = [await cloud.createKey(), await cloud.createKey(), await cloud.createKey()];
  const source = await cloud.createDisk({ Encrypted: true, KMSKeyId: ofSnapshot });
  await cloud.useDisk(source);
  const SnapshotId = await cloud.createSnapshot(source);
  await enable(cloud);
  await useKey(cloud, ofDefault);
  const keyOf = async (input: object) => (await cloud.disk(await cloud.createDisk(input))).kmsKeyId;
  assert.equal(await keyOf({}), ofDefault);
  assert.equal(await keyOf({ Encrypted: true, KMSKeyId: named }), named);
  assert.equal(await keyOf({ SnapshotId }), ofSnapshot);
  const code = 'InvalidParameter.EncryptedIllegal';
  await cloud.refuses(() => cloud.createDisk({ KMSKeyId: named }), code, 400);
});

test('M10: a default key that cannot be used makes no disk, and another key that is named does', async () => {
  await using cloud = await TestCloud.ready();
  const [ofDefault, named] = [await cloud.createKey(), await cloud.createKey()];
  await enable(cloud);
  await useKey(cloud, ofDefault);
  await cloud.disableKey(ofDefault);
  await cloud.refuses(() => cloud.createDisk(), 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403);
  assert.equal((await cloud.disk(await cloud.createDisk({ Encrypted: true, KMSKeyId: named }))).kmsKeyId, named);
  await cloud.enableKey(ofDefault);
  await cloud.destroyKey(ofDefault);
  await cloud.refuses(() => cloud.createDisk(), 'InvalidParameter.KMSKeyId.NotFound', 404);
});

test('a stream that is received becomes an encrypted disk', async () => {
  await using cloud = await TestCloud.ready();
  const secret = { Passphrase: 'correct horse battery' };
  const stream = await streamOf(cloud, await plainSnapshot(cloud), secret);
  await enable(cloud);
  const plain = () => startReceive(cloud, stream, { ...secret, Encrypted: false });
  await cloud.refuses(plain, 'InvalidEncrypted.NotMatchDiskDefaultEncryption', 403);
  const { DiskId } = await received(cloud, stream, secret);
  const { encrypted, kmsKeyId } = await cloud.disk(DiskId ?? '');
  assert.deepEqual([encrypted, kmsKeyId], [true, await defaultKey(cloud)]);
});

test('it begins with the service key each time', async () => {
  await using cloud = await TestCloud.ready();
  await enable(cloud);
  const serviceKeyId = await defaultKey(cloud);
  await useKey(cloud, await cloud.createKey());
  await cloud.call(DisableDiskEncryptionByDefault(cloud.parts), { RegionId: REGION });
  await enable(cloud);
  assert.equal(await defaultKey(cloud), serviceKeyId);
});

test('permission: ecs:EnableDiskEncryptionByDefault on the region', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(EnableDiskEncryptionByDefault(cloud.parts).access(cloud.callOf({ RegionId: REGION })), [
    { action: 'ecs:EnableDiskEncryptionByDefault', resource: `acs:ecs:${REGION}:${ACCOUNT}:*` },
  ]);
});
