import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../../../src/base/errors.ts';
import { findSnapshotExport } from '../../../../src/metadata/snapshot-exports.ts';
import { updateSnapshot } from '../../../../src/metadata/snapshots.ts';
import { DeleteDisk } from '../../../../src/services/ecs/actions/DeleteDisk.ts';
import { DeleteSnapshot } from '../../../../src/services/ecs/actions/DeleteSnapshot.ts';
import { deleteExpiredSnapshots } from '../../../../src/services/ecs/snapshot-retention.ts';
import { DescribeDiskExports } from '../../../../src/services/sealdisk/actions/DescribeDiskExports.ts';
import { ExportSnapshot } from '../../../../src/services/sealdisk/actions/ExportSnapshot.ts';
import { UnexportDisk } from '../../../../src/services/sealdisk/actions/UnexportDisk.ts';
import { ACCOUNT, OTHER_ACCOUNT, REGION, TestCloud } from '../../ecs/test-cloud.ts';

const exportSnapshot = (cloud: TestCloud, SnapshotId: string, more = {}, asker = {}) =>
  cloud.call(ExportSnapshot({ ...cloud.parts, exports: cloud.exports }), { SnapshotId, ...more }, asker);
const listed = async (cloud: TestCloud, filter = {}) =>
  (await cloud.call(DescribeDiskExports({ ...cloud.parts, exports: cloud.exports }), filter)).Exports?.Export ?? [];
const unexport = (cloud: TestCloud, ExportId: string) =>
  cloud.call(UnexportDisk({ ...cloud.parts, exports: cloud.exports }), { ExportId });

async function snapshots(cloud: TestCloud, input = {}) {
  const diskId = await cloud.createDisk(input);
  await cloud.useDisk(diskId, 'one');
  const first = await cloud.createSnapshot(diskId);
  await cloud.useDisk(diskId, 'two');
  return { diskId, first, second: await cloud.createSnapshot(diskId) };
}

test('a snapshot is served for reading beside its disk, with its secret told once', async () => {
  await using cloud = await TestCloud.ready();
  const { diskId, first, second } = await snapshots(cloud, { Encrypted: true });
  await cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false });
  const {
    ExportId = '',
    PskIdentity = '',
    Psk = '',
    ...rest
  } = await exportSnapshot(cloud, second, {
    BaseSnapshotId: first,
  });
  assert.match(Psk, /^[0-9a-f]{64}$/);
  assert.deepEqual(rest, {
    DiskId: diskId,
    SnapshotId: second,
    BaseSnapshotId: first,
    ExportName: ExportId,
    ReadOnly: true,
    Uri: `nbds://${PskIdentity}@127.0.0.1:10809/${ExportId}`,
    UnixUri: `nbd+unix:///${ExportId}?socket=/run/sealdisk/${ExportId}.sock`,
  });
  assert.equal(cloud.plane.served(ExportId), 'two');
  assert.equal((await cloud.disk(diskId)).status, 'In_use');
  const [view, ...others] = await listed(cloud, { SnapshotId: second });
  assert.deepEqual([view?.ExportId, view?.SnapshotId, view?.BaseSnapshotId], [ExportId, second, first]);
  assert.deepEqual(others, []);
  assert.ok(!JSON.stringify(view).includes(Psk));
  assert.equal((await listed(cloud)).length, 2);
  const again = await exportSnapshot(cloud, second);
  assert.notEqual(again.ExportId, ExportId, 'a snapshot has as many exports as are asked for');
  assert.equal(again.BaseSnapshotId, undefined);
  await unexport(cloud, ExportId);
  assert.equal((await cloud.disk(diskId)).status, 'In_use');
  assert.equal(await findSnapshotExport(cloud.database.read, ExportId), undefined);
});

test('snapshots that are exported, or compared with, are not deleted; their disk is', async () => {
  await using cloud = await TestCloud.open();
  const { diskId, first, second } = await snapshots(cloud);
  const { ExportId = '' } = await exportSnapshot(cloud, second, { BaseSnapshotId: first });
  for (const SnapshotId of [first, second])
    await cloud.refuses(() => cloud.call(DeleteSnapshot(cloud.parts), { SnapshotId }), 'Operation.Conflict', 403);
  await cloud.database.transact(async (transaction) => {
    await updateSnapshot(transaction, first, { retentionDays: 1 });
  });
  assert.equal(await deleteExpiredSnapshots(cloud.parts, cloud.clock.now + 10 ** 9), 0);
  await cloud.call(DeleteDisk(cloud.parts), { DiskId: diskId });
  assert.equal(cloud.plane.served(ExportId), 'two');
  await unexport(cloud, ExportId);
  assert.equal(await deleteExpiredSnapshots(cloud.parts, cloud.clock.now + 10 ** 9), 1);
  const { ExportId: later = '' } = await exportSnapshot(cloud, second);
  assert.equal(cloud.plane.served(later), 'two', 'a snapshot whose disk is gone');
});

test('an automatic snapshot that is exported keeps its disk', async () => {
  await using cloud = await TestCloud.open();
  const { diskId, second } = await snapshots(cloud, { DeleteAutoSnapshot: true });
  await cloud.database.transact(async (transaction) => {
    await updateSnapshot(transaction, second, { type: 'auto' });
  });
  const { ExportId = '' } = await exportSnapshot(cloud, second);
  const attempt = () => cloud.call(DeleteDisk(cloud.parts), { DiskId: diskId });
  if ((await cloud.disk(diskId)).deleteAutoSnapshot) await cloud.refuses(attempt, 'IncorrectDiskStatus', 403);
  await unexport(cloud, ExportId);
  await attempt();
});

test('what is not there, not ready, or of another disk or account is refused', async () => {
  await using cloud = await TestCloud.open();
  const { first, second } = await snapshots(cloud);
  const other = await snapshots(cloud);
  const foreign = await cloud.refuses(
    () => exportSnapshot(cloud, first, {}, { account: OTHER_ACCOUNT }),
    'InvalidSnapshotId.NotFound',
    404,
  );
  const unknown = await cloud.refuses(() => exportSnapshot(cloud, 's-x'), 'InvalidSnapshotId.NotFound', 404);
  assert.equal(foreign.message.replace(first, 's-x'), unknown.message);
  for (const BaseSnapshotId of [other.first, second])
    await cloud.refuses(() => exportSnapshot(cloud, second, { BaseSnapshotId }), 'InvalidBaseSnapshotId.Mismatch', 403);
  await cloud.database.transact(async (transaction) => {
    await updateSnapshot(transaction, second, { status: 'progressing' });
  });
  await cloud.refuses(() => exportSnapshot(cloud, second), 'InvalidSnapshotId.NotReady', 403);
});

test('a snapshot needs its key to be opened, and none to go on or be closed', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const { second } = await snapshots(cloud, { Encrypted: true, KMSKeyId: keyId });
  await cloud.disableKey(keyId);
  await cloud.refuses(() => exportSnapshot(cloud, second), 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403);
  await cloud.enableKey(keyId);
  const { ExportId = '' } = await exportSnapshot(cloud, second);
  await cloud.destroyKey(keyId);
  await unexport(cloud, ExportId);
  await cloud.refuses(() => exportSnapshot(cloud, second), 'InvalidKMSKeyId.NotFound', 404);
});

test('both snapshots are asked permission for', async () => {
  await using cloud = await TestCloud.open();
  const action = ExportSnapshot({ ...cloud.parts, exports: cloud.exports });
  const access = await action.access(cloud.callOf({ SnapshotId: 's-2', BaseSnapshotId: 's-1' }));
  assert.deepEqual(
    access,
    ['s-2', 's-1'].map((id) => ({
      action: 'sealdisk:ExportSnapshot',
      resource: `acs:ecs:${REGION}:${ACCOUNT}:snapshot/${id}`,
    })),
  );
});

test('a failed or lost opening leaves no export behind', async () => {
  await using cloud = await TestCloud.open();
  const { second } = await snapshots(cloud);
  cloud.plane.before = (method) => {
    if (method === 'openSnapshotExport') throw new SystemError('no-space', 'X', 'full');
  };
  await cloud.refuses(() => exportSnapshot(cloud, second), 'OperationDenied', 403);
  cloud.plane.before = () => {};
  cloud.plane.after = (method) => {
    if (method === 'openSnapshotExport') throw new SystemError('unavailable', 'X', 'no answer');
  };
  await assert.rejects(exportSnapshot(cloud, second), { code: 'ServiceUnavailable' });
  cloud.plane.after = () => {};
  assert.deepEqual(await listed(cloud), [], 'nobody was told of it');
  cloud.clock.now += 60_000;
  await cloud.exports.retryDue();
  assert.deepEqual(await cloud.plane.listExports(), []);
  const { ExportId } = await exportSnapshot(cloud, second);
  assert.deepEqual(
    (await listed(cloud)).map((each) => each.ExportId),
    [ExportId],
  );
});

for (const bootId of ['boot-1', 'boot-2'])
  test(`after a restart of the disk server, on ${bootId}, a snapshot is served as it was, deleted disk or not`, async () => {
    await using cloud = await TestCloud.ready();
    const keyId = await cloud.createKey();
    const { diskId, first, second } = await snapshots(cloud, { Encrypted: true, KMSKeyId: keyId });
    const made = await exportSnapshot(cloud, second, { BaseSnapshotId: first });
    const { ExportId = '' } = made;
    await cloud.call(DeleteDisk(cloud.parts), { DiskId: diskId });
    cloud.plane.crash();
    cloud.bootId = bootId;
    cloud.restartControlPlane();
    assert.equal((await listed(cloud))[0]?.Status, 'Reopening');
    await cloud.disableKey(keyId);
    await cloud.exports.reopenAll();
    assert.equal((await listed(cloud))[0]?.Status, 'KeyUnavailable');
    await cloud.enableKey(keyId);
    await cloud.exports.retryKeys();
    const { Status, ...view } = (await listed(cloud))[0] ?? {};
    assert.equal(Status, 'Serving');
    const { Psk, RequestId: _none, ...told } = made as typeof made & { RequestId?: string };
    assert.deepEqual(view, told, 'the same identity');
    assert.equal(Buffer.from(cloud.plane.request(ExportId)?.psk ?? []).toString('hex'), Psk);
    assert.equal(cloud.plane.served(ExportId), 'two');
    cloud.restartControlPlane();
    await cloud.exports.reopenAll();
    await unexport(cloud, ExportId);
    assert.deepEqual(await cloud.plane.listExports(), []);
  });
