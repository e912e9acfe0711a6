import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../../../src/base/errors.ts';
import { deleteImage } from '../../../../src/metadata/images.ts';
import { findSnapshot, updateSnapshot } from '../../../../src/metadata/snapshots.ts';
import { DeleteDisk } from '../../../../src/services/ecs/actions/DeleteDisk.ts';
import { DeleteSnapshot } from '../../../../src/services/ecs/actions/DeleteSnapshot.ts';
import { removeDisk } from '../../../../src/services/ecs/disk-removal.ts';
import { deleteExpiredSnapshots } from '../../../../src/services/ecs/snapshot-retention.ts';
import { putImage } from '../images/image-rows.ts';
import { ACCOUNT, OTHER_ACCOUNT, TestCloud } from '../test-cloud.ts';

const remove = (cloud: TestCloud, SnapshotId: string, more = {}, asker = {}) =>
  cloud.call(DeleteSnapshot(cloud.parts), { SnapshotId, ...more }, asker);

async function snapshotted(cloud: TestCloud, input = {}): Promise<{ diskId: string; snapshotId: string }> {
  const diskId = await cloud.createDisk(input);
  await cloud.useDisk(diskId, 'kept');
  return { diskId, snapshotId: await cloud.createSnapshot(diskId) };
}

test('deleting removes row and files; again, and for an id that never was, it does nothing', async () => {
  await using cloud = await TestCloud.open();
  const { diskId, snapshotId } = await snapshotted(cloud);
  assert.deepEqual(await remove(cloud, snapshotId), {});
  assert.equal(await findSnapshot(cloud.database.read, snapshotId), undefined);
  assert.deepEqual(cloud.plane.snapshotIds(diskId), []);
  assert.deepEqual(await remove(cloud, snapshotId), {});
  assert.deepEqual(await remove(cloud, 's-never'), {});
});

test('M10: deleting needs no key, also when the disk is gone', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const { diskId, snapshotId } = await snapshotted(cloud, { Encrypted: true, KMSKeyId: keyId });
  await cloud.call(DeleteDisk(cloud.parts), { DiskId: diskId });
  await cloud.destroyKey(keyId);
  await remove(cloud, snapshotId);
  assert.deepEqual(cloud.plane.snapshotIds(diskId), []);
});

test('another account’s snapshot is an unknown id', async () => {
  await using cloud = await TestCloud.open();
  const { snapshotId } = await snapshotted(cloud);
  assert.deepEqual(await remove(cloud, snapshotId, {}, { account: OTHER_ACCOUNT }), {});
  assert.equal((await cloud.snapshot(snapshotId)).status, 'accomplished');
});

test('a snapshot with disks made from it is kept unless forced; those disks go on', async () => {
  await using cloud = await TestCloud.open();
  const { snapshotId } = await snapshotted(cloud);
  const copy = await cloud.createDisk({ SnapshotId: snapshotId });
  const error = await cloud.refuses(() => remove(cloud, snapshotId), 'SnapshotCreatedDisk', 403);
  assert.match(error.message, new RegExp(copy));
  await remove(cloud, snapshotId, { Force: true });
  assert.equal(cloud.plane.content(copy), 'kept');
  await cloud.useDisk(copy);
});

test('once the disks made from it are deleted it can go', async () => {
  await using cloud = await TestCloud.open();
  const { snapshotId } = await snapshotted(cloud);
  const copy = await cloud.createDisk({ SnapshotId: snapshotId });
  await cloud.call(DeleteDisk(cloud.parts), { DiskId: copy });
  await remove(cloud, snapshotId);
  assert.equal(await findSnapshot(cloud.database.read, snapshotId), undefined);
});

test('a snapshot that is being taken is refused', async () => {
  await using cloud = await TestCloud.open();
  const { snapshotId } = await snapshotted(cloud);
  await cloud.database.transact((transaction) => updateSnapshot(transaction, snapshotId, { status: 'progressing' }));
  await cloud.refuses(() => remove(cloud, snapshotId), 'IncorrectDiskStatus.CreatingSnapshot', 400);
});

test('when the disk server is gone the call says so, and the same call ends it later', async () => {
  await using cloud = await TestCloud.open();
  const { diskId, snapshotId } = await snapshotted(cloud);
  cloud.plane.before = (method) => {
    if (method === 'deleteSnapshot') throw new SystemError('unavailable', 'X', 'gone');
  };
  await assert.rejects(remove(cloud, snapshotId), { code: 'ServiceUnavailable', httpStatus: 503 });
  cloud.plane.before = () => {};
  await remove(cloud, snapshotId);
  assert.deepEqual(cloud.plane.snapshotIds(diskId), []);
});

test('permission: on the snapshot, in the region where it was made', async () => {
  await using cloud = await TestCloud.open();
  const call = cloud.callOf({ SnapshotId: 's-t4n12345678901234567' });
  assert.deepEqual(await DeleteSnapshot(cloud.parts).access(call), [
    { action: 'ecs:DeleteSnapshot', resource: `acs:ecs:ap-southeast-1:${ACCOUNT}:snapshot/s-t4n12345678901234567` },
  ]);
});

test('a snapshot that an image is made of stays, also with Force and past its days; without the image it goes', async () => {
  await using cloud = await TestCloud.ready();
  const diskId = await cloud.createDisk();
  await cloud.useDisk(diskId);
  const snapshotId = await cloud.createSnapshot(diskId, { RetentionDays: 1 });
  const devices = [{ device: '/dev/xvda', type: 'system', snapshotId, sizeGib: 20 }] as const;
  const imageId = await putImage(cloud, { devices });
  for (const Force of [false, true]) {
    const attempt = () => cloud.call(DeleteSnapshot(cloud.parts), { SnapshotId: snapshotId, Force });
    await cloud.refuses(attempt, 'SnapshotCreatedImage', 403);
  }
  const past = cloud.clock.now + 2 * 24 * 60 * 60 * 1000;
  assert.equal(await deleteExpiredSnapshots(cloud.parts, past), 0);
  await cloud.database.transact((transaction) => updateSnapshot(transaction, snapshotId, { type: 'auto' }));
  await removeDisk(cloud.parts, diskId);
  assert.equal((await cloud.snapshot(snapshotId)).status, 'accomplished');
  await cloud.database.transact((transaction) => deleteImage(transaction, imageId));
  assert.equal(await deleteExpiredSnapshots(cloud.parts, past), 1);
});
