import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../../../src/base/errors.ts';
import { findDisk, updateDisk } from '../../../../src/metadata/disks.ts';
import { deleteSnapshot, findSnapshot, updateSnapshot } from '../../../../src/metadata/snapshots.ts';
import { DeleteDisk } from '../../../../src/services/ecs/actions/DeleteDisk.ts';
import { ACCOUNT, OTHER_ACCOUNT, TestCloud } from '../test-cloud.ts';

const remove = (cloud: TestCloud, DiskId: string, asker = {}) => cloud.call(DeleteDisk(cloud.parts), { DiskId }, asker);

test('deleting removes row and files; again, and for an id that never was, it does nothing', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  assert.deepEqual(await remove(cloud, diskId), {});
  assert.equal(await findDisk(cloud.database.read, diskId), undefined);
  assert.deepEqual(cloud.plane.diskIds, []);
  assert.deepEqual(await remove(cloud, diskId), {});
  assert.deepEqual(await remove(cloud, 'd-never'), {});
});

test('another account’s disk is an unknown id', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  assert.deepEqual(await remove(cloud, diskId, { account: OTHER_ACCOUNT }), {});
  assert.equal((await cloud.disk(diskId)).status, 'Available');
});

test('M10: deleting needs no key', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const diskId = await cloud.createDisk({ Encrypted: true, KMSKeyId: keyId });
  await cloud.destroyKey(keyId);
  await remove(cloud, diskId);
  assert.deepEqual(cloud.plane.diskIds, []);
});

test('manual snapshots stay, automatic ones go with a disk that says so', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  await cloud.useDisk(diskId);
  const manual = await cloud.createSnapshot(diskId);
  const automatic = await cloud.createSnapshot(diskId);
  await cloud.database.transact((transaction) => updateSnapshot(transaction, automatic, { type: 'auto' }));
  await remove(cloud, diskId);
  assert.equal((await cloud.snapshot(manual)).status, 'accomplished');
  assert.equal(await findSnapshot(cloud.database.read, automatic), undefined);
  assert.deepEqual(cloud.plane.snapshotIds(diskId), [manual]);
});

test('automatic snapshots stay when the disk says so', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  await cloud.useDisk(diskId);
  const automatic = await cloud.createSnapshot(diskId);
  await cloud.database.transact(async (transaction) => {
    await updateSnapshot(transaction, automatic, { type: 'auto' });
    await updateDisk(transaction, diskId, { deleteAutoSnapshot: false });
  });
  await remove(cloud, diskId);
  assert.deepEqual(cloud.plane.snapshotIds(diskId), [automatic]);
});

test('a snapshot that the database does not know stays; one that it knows and that is gone keeps the disk', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  await cloud.useDisk(diskId);
  const known = await cloud.createSnapshot(diskId);
  const unknown = await cloud.createSnapshot(diskId);
  await cloud.database.transact((transaction) => deleteSnapshot(transaction, unknown));
  await remove(cloud, diskId);
  assert.equal(await findDisk(cloud.database.read, diskId), undefined);
  assert.deepEqual(cloud.plane.snapshotIds(diskId), [known, unknown]);

  const other = await cloud.createDisk();
  await cloud.useDisk(other);
  await cloud.plane.deleteSnapshot(other, await cloud.createSnapshot(other));
  await assert.rejects(remove(cloud, other));
  assert.ok(cloud.plane.diskIds.includes(other));
});

test('a disk that is in use is refused, naming what uses it', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  const { row } = await cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false });
  const exported = await cloud.refuses(() => remove(cloud, diskId), 'IncorrectDiskStatus', 403);
  assert.match(exported.message, new RegExp(row.exportId));
  await cloud.exports.close(row.exportId, { accountId: ACCOUNT, force: false });
  await cloud.database.transact((transaction) =>
    updateDisk(transaction, diskId, { status: 'In_use', instanceId: 'i-77' }),
  );
  const attached = await cloud.refuses(() => remove(cloud, diskId), 'IncorrectDiskStatus', 403);
  assert.match(attached.message, /i-77/);
});

for (const status of ['Creating', 'Attaching', 'Detaching', 'ReIniting'] as const) {
  test(`a disk that is ${status} is refused`, async () => {
    await using cloud = await TestCloud.open();
    const diskId = await cloud.createDisk();
    await cloud.database.transact((transaction) => updateDisk(transaction, diskId, { status }));
    await cloud.refuses(() => remove(cloud, diskId), 'IncorrectDiskStatus', 403);
  });
}

test('a disk of which a snapshot is being taken is refused', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  await cloud.useDisk(diskId);
  const snapshotId = await cloud.createSnapshot(diskId);
  await cloud.database.transact((transaction) => updateSnapshot(transaction, snapshotId, { status: 'progressing' }));
  await cloud.refuses(() => remove(cloud, diskId), 'DiskCreatingSnapshot', 403);
});

test('when the disk server is gone the call says so, the disk stays hidden, and the same call ends it later', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  cloud.plane.before = (method) => {
    if (method === 'deleteDisk') throw new SystemError('unavailable', 'X', 'gone');
  };
  await assert.rejects(remove(cloud, diskId), { code: 'ServiceUnavailable', httpStatus: 503 });
  assert.equal((await cloud.disk(diskId)).status, 'Deleting');
  cloud.plane.before = () => {};
  await remove(cloud, diskId);
  assert.equal(await findDisk(cloud.database.read, diskId), undefined);
  assert.deepEqual(cloud.plane.diskIds, []);
});

test('permission: on the disk, in the region where it was made, whatever region the request names', async () => {
  await using cloud = await TestCloud.open();
  const call = cloud.callOf({ DiskId: 'd-2ze12345678901234567' }, { region: 'cn-hangzhou' });
  assert.deepEqual(await DeleteDisk(cloud.parts).access(call), [
    { action: 'ecs:DeleteDisk', resource: `acs:ecs:cn-beijing:${ACCOUNT}:disk/d-2ze12345678901234567` },
  ]);
});
