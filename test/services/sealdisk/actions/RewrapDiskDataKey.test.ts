import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RewrapDiskDataKey } from '../../../../src/services/sealdisk/actions/RewrapDiskDataKey.ts';
import { ACCOUNT, OTHER_ACCOUNT, TestCloud } from '../../ecs/test-cloud.ts';

const call = (cloud: TestCloud, input: { DiskId: string; Paused?: boolean; RateMiB?: number }, asker = {}) =>
  cloud.call(RewrapDiskDataKey(cloud.parts), input, asker);

test('the data key is wrapped anew and stays what it is', async () => {
  await using cloud = await TestCloud.ready();
  const KMSKeyId = await cloud.createKey();
  const diskId = await cloud.createDisk({ Encrypted: true, KMSKeyId });
  await cloud.useDisk(diskId);
  const snapshotId = await cloud.createSnapshot(diskId);
  const before = await cloud.disk(diskId);
  assert.deepEqual(await call(cloud, { DiskId: diskId }), { DiskId: diskId, KMSKeyId });
  const after = await cloud.disk(diskId);
  assert.notDeepEqual(after.wrappedKey, before.wrappedKey);
  assert.deepEqual((await cloud.snapshot(snapshotId)).wrappedKey, after.wrappedKey);
  assert.deepEqual(cloud.plane.identity(diskId).wrappedKey, after.wrappedKey);
  const copy = await cloud.createDisk({ SnapshotId: snapshotId });
  assert.equal(cloud.plane.content(copy), 'data');
});

test('a plain disk, a disabled key and foreign disks are refused', async () => {
  await using cloud = await TestCloud.ready();
  const KMSKeyId = await cloud.createKey();
  const encrypted = await cloud.createDisk({ Encrypted: true, KMSKeyId });
  const plain = await cloud.createDisk();
  await cloud.disableKey(KMSKeyId);
  const before = await cloud.disk(encrypted);
  await cloud.refuses(() => call(cloud, { DiskId: plain }), 'OperationDenied.NotEncrypted', 403);
  await cloud.refuses(() => call(cloud, { DiskId: encrypted }), 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403);
  await cloud.refuses(() => call(cloud, { DiskId: plain }, { account: OTHER_ACCOUNT }), 'InvalidDiskId.NotFound', 404);
  assert.deepEqual(await cloud.disk(encrypted), before);
});

test('permission: sealdisk:RewrapDiskDataKey on the ECS disk, in the region where it was made', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(await RewrapDiskDataKey(cloud.parts).access(cloud.callOf({ DiskId: 'd-2ze12345678901234567' })), [
    { action: 'sealdisk:RewrapDiskDataKey', resource: `acs:ecs:cn-beijing:${ACCOUNT}:disk/d-2ze12345678901234567` },
  ]);
});
