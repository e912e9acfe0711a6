import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../../../src/base/errors.ts';
import { receivedStates } from '../../../../src/metadata/transfers.ts';
import { DeleteSnapshot } from '../../../../src/services/ecs/actions/DeleteSnapshot.ts';
import { takeBackCreations } from '../../../../src/services/ecs/reconcile.ts';
import { FinishReceive } from '../../../../src/services/sealdisk/actions/FinishReceive.ts';
import { ACCOUNT, OTHER_ACCOUNT, TestCloud } from '../../ecs/test-cloud.ts';
import { arrived, describe, finish, nextSnapshot, received, snapshotOf, streamOf } from '../transfer-steps.ts';

test('a full stream becomes a disk of its own key, with a snapshot that says where it came from', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId, diskId } = await snapshotOf(cloud, 'one');
  const KeyId = await cloud.createKey('Aliyun_SM4');
  const done = await received(cloud, await streamOf(cloud, snapshotId), { KeyId, DiskName: 'copy' });
  assert.equal(done.Status, 'Done');
  const disk = await cloud.disk(done.DiskId ?? '');
  assert.deepEqual(
    [disk.status, disk.name, disk.suite, disk.kmsKeyId, disk.encrypted, disk.sizeGib, disk.everAttached],
    ['Available', 'copy', 'sm4-gcm', KeyId, true, 20, true],
  );
  assert.ok(disk.pin !== null);
  assert.equal(cloud.plane.content(disk.diskId), 'one');
  assert.equal(cloud.plane.suite(disk.diskId), 'sm4-gcm');
  const snapshot = await cloud.snapshot(done.SnapshotId ?? '');
  assert.deepEqual([snapshot.status, snapshot.sourceDiskId], ['accomplished', disk.diskId]);
  assert.equal(snapshot.description, `received from ${snapshotId}`);
  assert.notEqual(disk.diskId, diskId);
  assert.equal(cloud.plane.transfers.listTransfers().length, 1, 'the spool is gone, the source still offered');
});

test('a chain of incremental streams brings the received disk along, with a snapshot for each', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId, diskId } = await snapshotOf(cloud, 'one');
  const first = await received(cloud, await streamOf(cloud, snapshotId));
  let base = snapshotId;
  for (const content of ['two', '', 'three']) {
    const next = await nextSnapshot(cloud, diskId, content);
    const done = await received(cloud, await streamOf(cloud, next, { BaseSnapshotId: base }));
    assert.deepEqual([done.Status, done.DiskId], ['Done', first.DiskId]);
    assert.equal(cloud.plane.content(done.DiskId ?? ''), content);
    base = next;
  }
  assert.equal(cloud.plane.snapshotIds(first.DiskId ?? '').length, 4);
  assert.equal((await cloud.disk(first.DiskId ?? '')).status, 'Available');
});

test('a disk that was written to since its base is left as it is', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId, diskId } = await snapshotOf(cloud, 'one');
  const copy = await received(cloud, await streamOf(cloud, snapshotId));
  await cloud.useDisk(copy.DiskId ?? '', 'own');
  const next = await nextSnapshot(cloud, diskId, 'two');
  const refused = await received(cloud, await streamOf(cloud, next, { BaseSnapshotId: snapshotId }));
  assert.deepEqual([refused.Status, refused.ErrorCode], ['Open', 'NOT_AT_BASE']);
  assert.equal((await cloud.disk(copy.DiskId ?? '')).status, 'Available');
  assert.equal(cloud.plane.content(copy.DiskId ?? ''), 'own');
});

test('a received snapshot that was deleted is no base any more', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId, diskId } = await snapshotOf(cloud, 'one');
  const copy = await received(cloud, await streamOf(cloud, snapshotId));
  const next = await nextSnapshot(cloud, diskId, 'two');
  const rest = await streamOf(cloud, next, { BaseSnapshotId: snapshotId });
  await cloud.call(DeleteSnapshot(cloud.parts), { SnapshotId: copy.SnapshotId ?? '' });
  assert.deepEqual(await receivedStates.findAll(cloud.database.read, {}), []);
  await cloud.refuses(() => arrived(cloud, rest), 'InvalidStream.NoBase', 403);
});

test('a disk that is open, and one that another stream is applied to, are refused', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId, diskId } = await snapshotOf(cloud, 'one');
  const { DiskId: copy = '' } = await received(cloud, await streamOf(cloud, snapshotId));
  const rest = { BaseSnapshotId: snapshotId };
  const next = await nextSnapshot(cloud, diskId, 'two');
  const [one, two] = [
    await arrived(cloud, await streamOf(cloud, next, rest)),
    await arrived(cloud, await streamOf(cloud, next, rest)),
  ];
  const { row } = await cloud.exports.open({ diskId: copy, accountId: ACCOUNT, readOnly: false });
  await cloud.refuses(() => finish(cloud, one), 'IncorrectDiskStatus', 403);
  await cloud.exports.close(row.exportId, { accountId: ACCOUNT, force: false });
  await finish(cloud, one);
  await cloud.refuses(() => finish(cloud, two), 'IncorrectDiskStatus', 403);
  await cloud.transfers.settle();
  await finish(cloud, two);
  await cloud.transfers.settle();
  assert.equal((await describe(cloud, two))[0]?.ErrorCode, 'NOT_AT_BASE');
});

test('a stream that is incomplete or damaged makes no disk', async () => {
  await using cloud = await TestCloud.ready();
  const stream = await streamOf(cloud, (await snapshotOf(cloud, 'one')).snapshotId);
  const short = await arrived(cloud, stream.subarray(0, -1));
  await cloud.refuses(() => finish(cloud, short), 'IncorrectTransferStatus', 403);
  const rest = stream.slice();
  rest[stream.length - 1] = (rest[stream.length - 1] ?? 0) ^ 1;
  await arrived(cloud, rest);
  const disks = cloud.plane.diskIds;
  await finish(cloud, short);
  await cloud.transfers.settle();
  const [failed] = await describe(cloud, short);
  assert.deepEqual([failed?.Status, failed?.ErrorCode, failed?.DiskId], ['Open', 'STREAM_DAMAGED', '']);
  assert.deepEqual(cloud.plane.diskIds, disks);
});

test('a disk server that dies while a disk is received leaves no disk; finishing again makes one', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId, diskId } = await snapshotOf(cloud, 'one');
  const id = await arrived(cloud, await streamOf(cloud, snapshotId));
  cloud.plane.after = (method) => {
    if (method !== 'applyStream') return;
    cloud.plane.crash();
    throw new SystemError('unavailable', 'DISK_SERVER_GONE', 'gone');
  };
  await assert.rejects(finish(cloud, id));
  cloud.plane.after = () => {};
  await takeBackCreations(cloud.parts);
  cloud.restartControlPlane();
  await cloud.transfers.settle();
  assert.deepEqual([(await describe(cloud, id))[0]?.Status, cloud.plane.diskIds], ['Open', [diskId]]);
  await finish(cloud, id);
  await cloud.transfers.settle();
  const [done] = await describe(cloud, id);
  assert.equal(cloud.plane.content(done?.DiskId ?? ''), 'one');
});

test('a control plane that dies while a disk is received leaves the end to its successor', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId } = await snapshotOf(cloud, 'one');
  const id = await arrived(cloud, await streamOf(cloud, snapshotId));
  await finish(cloud, id);
  await takeBackCreations(cloud.parts);
  cloud.restartControlPlane();
  await cloud.transfers.settle();
  const [done] = await describe(cloud, id);
  assert.equal(done?.Status, 'Done');
  assert.equal(cloud.plane.content(done.DiskId ?? ''), 'one');
  assert.deepEqual(await finish(cloud, id), done, 'asked again it answers the same');
});

test('a disk that may have been changed stays hidden from clients until the stream is through', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId, diskId } = await snapshotOf(cloud, 'one');
  const { DiskId: copy = '' } = await received(cloud, await streamOf(cloud, snapshotId));
  const next = await nextSnapshot(cloud, diskId, 'two');
  const id = await arrived(cloud, await streamOf(cloud, next, { BaseSnapshotId: snapshotId }));
  cloud.plane.before = (method) => {
    if (method === 'applyStream') throw new SystemError('unavailable', 'DISK_SERVER_GONE', 'gone');
  };
  await assert.rejects(finish(cloud, id));
  cloud.plane.before = () => {};
  cloud.plane.crash();
  await cloud.transfers.settle();
  assert.equal((await describe(cloud, id))[0]?.ErrorCode, 'Interrupted');
  assert.equal((await cloud.disk(copy)).status, 'ReIniting');
  const open = () => cloud.exports.open({ diskId: copy, accountId: ACCOUNT, readOnly: true });
  await cloud.refuses(open, 'IncorrectDiskStatus', 403);
  await finish(cloud, id);
  await cloud.transfers.settle();
  assert.equal(cloud.plane.content(copy), 'two');
  assert.equal((await cloud.disk(copy)).status, 'Available');
});

test('a store that is full half way: a new disk is gone, an old one waits, and both are finished when there is space', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId, diskId } = await snapshotOf(cloud, 'one');
  const full = await arrived(cloud, await streamOf(cloud, snapshotId));
  cloud.plane.transfers.failure = new SystemError('no-space', 'NO_SPACE', 'no space left');
  await finish(cloud, full);
  const [failed] = await describe(cloud, full);
  assert.deepEqual([failed?.Status, failed?.ErrorCode, failed?.DiskId], ['Open', 'NO_SPACE', '']);
  assert.deepEqual(cloud.plane.diskIds, [diskId]);
  cloud.plane.transfers.failure = undefined;
  await finish(cloud, full);
  const [copy] = await describe(cloud, full);
  assert.equal(copy?.Status, 'Done');

  const next = await nextSnapshot(cloud, diskId, 'two');
  const rest = await arrived(cloud, await streamOf(cloud, next, { BaseSnapshotId: snapshotId }));
  cloud.plane.transfers.failure = new SystemError('no-space', 'NO_SPACE', 'no space left');
  await finish(cloud, rest);
  const [waiting] = await describe(cloud, rest);
  assert.deepEqual([waiting?.Status, waiting?.ErrorCode], ['Applying', 'NO_SPACE']);
  assert.equal((await cloud.disk(copy.DiskId ?? '')).status, 'ReIniting');
  cloud.plane.transfers.failure = undefined;
  await finish(cloud, rest);
  const [done] = await describe(cloud, rest);
  assert.deepEqual([done?.Status, done?.ErrorCode], ['Done', '']);
  assert.equal(cloud.plane.content(copy.DiskId ?? ''), 'two');
});

test('unknown transfers, those of others and those that send are refused', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId } = await snapshotOf(cloud, 'one');
  const id = await arrived(cloud, await streamOf(cloud, snapshotId));
  await cloud.refuses(() => finish(cloud, id, {}, { account: OTHER_ACCOUNT }), 'InvalidTransferId.NotFound', 404);
  await cloud.refuses(() => finish(cloud, 't-none'), 'InvalidTransferId.NotFound', 404);
  const sending = (await describe(cloud)).find(({ Kind }) => Kind === 'Send');
  await cloud.refuses(() => finish(cloud, sending?.TransferId ?? ''), 'IncorrectTransferStatus', 403);
});

test('a passphrase is asked for again, and is nowhere in the database', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId } = await snapshotOf(cloud, 'one');
  const Passphrase = 'correct horse battery';
  const id = await arrived(cloud, await streamOf(cloud, snapshotId, { Passphrase }), { Passphrase });
  await cloud.refuses(() => finish(cloud, id), 'MissingParameter', 400);
  await cloud.refuses(() => finish(cloud, id, { Passphrase: 'wrong horse battery' }), 'InvalidStream.WrongKey', 403);
  await finish(cloud, id, { Passphrase });
  await cloud.transfers.settle();
  assert.equal((await describe(cloud, id))[0]?.Status, 'Done');
  assert.ok(!JSON.stringify(await cloud.everything()).includes(Passphrase));
});

test('permission: sealdisk:FinishReceive on the transfer', async () => {
  await using cloud = await TestCloud.open();
  const call = cloud.callOf({ TransferId: 't-2ze12345678901234567' });
  assert.deepEqual(await FinishReceive({ transfers: cloud.transfers }).access(call), [
    {
      action: 'sealdisk:FinishReceive',
      resource: `acs:sealdisk:cn-beijing:${ACCOUNT}:transfer/t-2ze12345678901234567`,
    },
  ]);
});
