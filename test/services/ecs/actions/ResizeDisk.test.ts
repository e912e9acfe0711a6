import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../../../src/base/errors.ts';
import { GiB } from '../../../../src/base/units.ts';
import { updateDisk } from '../../../../src/metadata/disks.ts';
import { updateSnapshot } from '../../../../src/metadata/snapshots.ts';
import { ResizeDisk } from '../../../../src/services/ecs/actions/ResizeDisk.ts';
import { ACCOUNT, OTHER_ACCOUNT, TestCloud } from '../test-cloud.ts';

const resize = (cloud: TestCloud, DiskId: string, NewSize: number, more = {}, asker = {}) =>
  cloud.call(ResizeDisk(cloud.parts), { DiskId, NewSize, ...more }, asker);

test('a disk grows, in use or not, and its row says so', async () => {
  await using cloud = await TestCloud.ready();
  const diskId = await cloud.createDisk({ Encrypted: true });
  assert.deepEqual(await resize(cloud, diskId, 40), {});
  assert.equal(cloud.plane.identity(diskId).sizeBytes, 40 * GiB);
  const { pin } = await cloud.disk(diskId);
  await cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false });
  for (const [size, Type] of [
    [50, 'online'],
    [60, 'offline'],
  ] as const) {
    await resize(cloud, diskId, size, { Type });
    const disk = await cloud.disk(diskId);
    assert.deepEqual([disk.sizeGib, disk.status], [size, 'In_use']);
    assert.equal(cloud.plane.identity(diskId).sizeBytes, size * GiB);
    assert.ok((disk.pin?.sequence ?? 0) > (pin?.sequence ?? 0));
  }
});

test('a lost answer is made good by asking again', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  cloud.plane.after = (method) => {
    if (method === 'growDisk') throw new SystemError('unavailable', 'X', 'no answer');
  };
  await assert.rejects(resize(cloud, diskId, 30), { code: 'ServiceUnavailable' });
  cloud.plane.after = () => {};
  assert.equal((await cloud.disk(diskId)).sizeGib, 20);
  await cloud.refuses(() => resize(cloud, diskId, 25), 'InvalidDiskSize.TooSmall', 403);
  await resize(cloud, diskId, 30);
  assert.equal((await cloud.disk(diskId)).sizeGib, 30);
});

test('sizes that are no growth, or more than a category has, are refused, and types that there are not', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  for (const size of [20, 19, 0])
    await cloud.refuses(() => resize(cloud, diskId, size), 'InvalidDiskSize.TooSmall', 403);
  await cloud.refuses(() => resize(cloud, diskId, 2_001), 'InvalidDiskSize.TooLarge', 403);
  await cloud.refuses(() => resize(cloud, diskId, 30, { Type: 'Online' }), 'InvalidParam.Type', 400);
  await resize(cloud, diskId, 2_000);
});

test('a disk that is unknown, being made, being snapshotted or open for reading does not grow', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  await cloud.refuses(() => resize(cloud, 'd-x', 30), 'InvalidDiskId.NotFound', 404);
  await cloud.refuses(() => resize(cloud, diskId, 30, {}, { account: OTHER_ACCOUNT }), 'InvalidDiskId.NotFound', 404);
  await cloud.database.transact(async (transaction) => {
    await updateDisk(transaction, diskId, { status: 'Creating' });
  });
  await cloud.refuses(() => resize(cloud, diskId, 30), 'IncorrectDiskStatus', 403);
  await cloud.database.transact(async (transaction) => {
    await updateDisk(transaction, diskId, { status: 'Available' });
  });
  await cloud.useDisk(diskId);
  const snapshotId = await cloud.createSnapshot(diskId);
  await cloud.database.transact(async (transaction) => {
    await updateSnapshot(transaction, snapshotId, { status: 'progressing' });
  });
  await cloud.refuses(() => resize(cloud, diskId, 30), 'DiskCreatingSnapshot', 403);
  await cloud.database.transact(async (transaction) => {
    await updateSnapshot(transaction, snapshotId, { status: 'accomplished' });
  });
  await cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: true });
  await cloud.refuses(() => resize(cloud, diskId, 30), 'IncorrectDiskStatus', 403);
});

test('an export that waits to be served again is left alone', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  await cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false });
  cloud.plane.crash();
  await cloud.refuses(() => resize(cloud, diskId, 30), 'IncorrectDiskStatus', 403);
});

test('growth needs the key of the disk, a store that takes it, and a disk server', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const diskId = await cloud.createDisk({ Encrypted: true, KMSKeyId: keyId });
  await cloud.disableKey(keyId);
  await cloud.refuses(() => resize(cloud, diskId, 30), 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403);
  await cloud.enableKey(keyId);
  for (const [kind, code, status] of [
    ['no-space', 'OperationDenied', 403],
    ['unavailable', 'ServiceUnavailable', 503],
    ['corrupt', 'DiskError', 403],
  ] as const) {
    cloud.plane.before = (method) => {
      if (method === 'growDisk') throw new SystemError(kind, 'X', 'no');
    };
    await cloud.refuses(() => resize(cloud, diskId, 30), code, status);
  }
});
