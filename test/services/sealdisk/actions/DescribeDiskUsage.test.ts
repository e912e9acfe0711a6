import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../../../src/base/errors.ts';
import { DescribeDiskUsage } from '../../../../src/services/sealdisk/actions/DescribeDiskUsage.ts';
import { ACCOUNT, OTHER_ACCOUNT, TestCloud } from '../../ecs/test-cloud.ts';

const usage = (cloud: TestCloud, DiskId: string, asker = {}) =>
  cloud.call(DescribeDiskUsage(cloud.parts), { DiskId }, asker);

test('a disk and its snapshots are told apart by what only one of them reaches', async () => {
  await using cloud = await TestCloud.ready();
  const diskId = await cloud.createDisk({ Encrypted: true });
  await cloud.useDisk(diskId, 'one');
  const snapshotId = await cloud.createSnapshot(diskId);
  const block = { AllocatedBytes: 4096, StoredBytes: 4128 };
  const shared = { ...block, ExclusiveBytes: 0, SharedBytes: 4096, ExclusiveStoredBytes: 0 };
  assert.deepEqual(await usage(cloud, diskId), {
    DiskId: diskId,
    ...shared,
    TotalStoredBytes: 4128,
    Snapshots: { Snapshot: [{ SnapshotId: snapshotId, ...shared }] },
  });
  const { row } = await cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false });
  cloud.plane.write(diskId, 'two');
  const own = { ...block, ExclusiveBytes: 4096, SharedBytes: 0, ExclusiveStoredBytes: 4128 };
  assert.deepEqual(await usage(cloud, diskId), {
    DiskId: diskId,
    ...own,
    TotalStoredBytes: 2 * 4128,
    Snapshots: { Snapshot: [{ SnapshotId: snapshotId, ...own }] },
  });
  cloud.plane.crash();
  await cloud.refuses(() => usage(cloud, diskId), 'IncorrectDiskStatus', 403);
  await cloud.exports.reopenAll();
  await usage(cloud, diskId);
  await cloud.exports.close(row.exportId, { accountId: ACCOUNT, force: false });
});

test('counting needs the disk, its key and the disk server', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const diskId = await cloud.createDisk({ Encrypted: true, KMSKeyId: keyId });
  await cloud.refuses(() => usage(cloud, 'd-x'), 'InvalidDiskId.NotFound', 404);
  await cloud.refuses(() => usage(cloud, diskId, { account: OTHER_ACCOUNT }), 'InvalidDiskId.NotFound', 404);
  await cloud.disableKey(keyId);
  await cloud.refuses(() => usage(cloud, diskId), 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403);
  await cloud.enableKey(keyId);
  cloud.plane.before = (method) => {
    if (method === 'measureUsage') throw new SystemError('unavailable', 'X', 'no answer');
  };
  await cloud.refuses(() => usage(cloud, diskId), 'ServiceUnavailable', 503);
});
