import assert from 'node:assert/strict';
import { test } from 'node:test';

import { StartReceive } from '../../../../src/services/sealdisk/actions/StartReceive.ts';
import { ACCOUNT, OTHER_ACCOUNT, TestCloud } from '../../ecs/test-cloud.ts';
import { describe, headerOf, nextSnapshot, received, snapshotOf, startReceive, streamOf } from '../transfer-steps.ts';

test('the same stream again goes on where it was durable, under the same name and secret', async () => {
  await using cloud = await TestCloud.ready();
  const stream = await streamOf(cloud, (await snapshotOf(cloud, 'one')).snapshotId);
  const first = await startReceive(cloud, stream);
  assert.equal(first.DurableBytes, 4096);
  assert.equal(first.StreamBytes, stream.length);
  cloud.plane.transfers.receive(first.TransferId ?? '', 4096, stream.subarray(4096, 5000));
  cloud.plane.crash();
  cloud.restartControlPlane();
  const again = await startReceive(cloud, stream);
  assert.deepEqual({ ...again, DurableBytes: 4096 }, first);
  assert.equal(again.DurableBytes, 5000);
});

test('a header that is changed, short, or no header leaves nothing behind', async () => {
  await using cloud = await TestCloud.ready();
  const stream = await streamOf(cloud, (await snapshotOf(cloud, 'one')).snapshotId);
  const before = await describe(cloud);
  const code = 'InvalidStream.Malformed';
  await cloud.refuses(() => startReceive(cloud, stream.subarray(0, 4095)), code, 400);
  await cloud.refuses(() => startReceive(cloud, new Uint8Array(4096)), code, 400);
  const changed = stream.slice();
  changed[73] = (changed[73] ?? 0) ^ 1;
  await cloud.refuses(() => startReceive(cloud, changed), code, 400);
  const other = stream.slice();
  other[4040] = (other[4040] ?? 0) ^ 1;
  await cloud.refuses(() => startReceive(cloud, other), 'InvalidStream.WrongKey', 403);
  assert.deepEqual(await describe(cloud), before);
});

test('without the key nobody begins to send: wrong passphrase, disabled key, another account', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId } = await snapshotOf(cloud, 'one');
  const secret = await streamOf(cloud, snapshotId, { Passphrase: 'correct horse battery' });
  await cloud.refuses(() => startReceive(cloud, secret), 'MissingParameter', 400);
  const wrong = { Passphrase: 'wrong horse battery' };
  await cloud.refuses(() => startReceive(cloud, secret, wrong), 'InvalidStream.WrongKey', 403);
  const KeyId = await cloud.createKey();
  const stream = await streamOf(cloud, snapshotId, { KeyId });
  await cloud.disableKey(KeyId);
  await cloud.refuses(() => startReceive(cloud, stream), 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403);
  await cloud.openKms({ account: OTHER_ACCOUNT });
  await cloud.allowDiskRole({ account: OTHER_ACCOUNT });
  const foreign = () => startReceive(cloud, stream, {}, { account: OTHER_ACCOUNT });
  await cloud.refuses(foreign, 'InvalidParameter.KMSKeyId.NotFound', 404);
  const theirs = await startReceive(cloud, secret, { Passphrase: 'correct horse battery' }, { account: OTHER_ACCOUNT });
  assert.ok(theirs.TransferId, 'a passphrase is all that another account needs');
});

test('an incremental stream finds the disk that stands at its base; without one it is refused', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId, diskId } = await snapshotOf(cloud, 'one');
  const later = await nextSnapshot(cloud, diskId, 'two');
  const rest = await streamOf(cloud, later, { BaseSnapshotId: snapshotId });
  await cloud.refuses(() => startReceive(cloud, rest), 'InvalidStream.NoBase', 403);
  await cloud.refuses(() => startReceive(cloud, rest, { DiskId: diskId }), 'InvalidStream.NoBase', 403);
  await cloud.refuses(() => startReceive(cloud, rest, { DiskId: 'd-none' }), 'InvalidDiskId.NotFound', 404);
  const full = await streamOf(cloud, snapshotId);
  const copy = await received(cloud, full);
  const { TransferId } = await startReceive(cloud, rest);
  const [transfer] = await describe(cloud, TransferId);
  assert.equal(transfer?.DiskId, copy.DiskId);
  assert.equal(transfer?.BaseSnapshotId, copy.SnapshotId);
});

test('a stream that fits two disks needs to be told which', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId, diskId } = await snapshotOf(cloud, 'one');
  const later = await nextSnapshot(cloud, diskId, 'two');
  const full = await streamOf(cloud, snapshotId);
  const one = await received(cloud, full);
  const two = await received(cloud, full);
  assert.notEqual(one.DiskId, two.DiskId);
  const rest = await streamOf(cloud, later, { BaseSnapshotId: snapshotId });
  await cloud.refuses(() => startReceive(cloud, rest), 'MissingParameter', 400);
  const KeyId = await cloud.createKey();
  await cloud.refuses(() => startReceive(cloud, rest, { DiskId: two.DiskId, KeyId }), 'InvalidParameter.KeyId', 400);
  await startReceive(cloud, rest, { DiskId: two.DiskId });
});

test('what a full stream becomes is checked before it is sent', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId, diskId } = await snapshotOf(cloud, 'one');
  const stream = await streamOf(cloud, snapshotId);
  const asked = (more: object) => () => startReceive(cloud, stream, more);
  await cloud.refuses(asked({ DiskId: diskId }), 'InvalidParameter.DiskId', 400);
  await cloud.refuses(asked({ ZoneId: 'cn-beijing-a' }), 'InvalidZoneId.NotFound', 404);
  await cloud.refuses(asked({ Encrypted: false, KeyId: 'key' }), 'InvalidParameter.KeyId', 400);
  await cloud.refuses(asked({ DiskName: '1' }), 'InvalidDiskName.Malformed', 400);
});

test('permission: sealdisk:StartReceive on the disk, or on all disks of the region', async () => {
  await using cloud = await TestCloud.open();
  const action = StartReceive({ transfers: cloud.transfers, dataPlane: cloud.plane });
  const resource = async (input: object) => (await action.access(cloud.callOf({ Header: '', ...input })))[0]?.resource;
  assert.equal(await resource({}), `acs:ecs:cn-hangzhou:${ACCOUNT}:disk/*`);
  const DiskId = 'd-2ze12345678901234567';
  assert.equal(await resource({ DiskId }), `acs:ecs:cn-beijing:${ACCOUNT}:disk/${DiskId}`);
});

test('permission: the disk that an incremental stream changes is asked for by name, given or not', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId, diskId } = await snapshotOf(cloud, 'one');
  const later = await nextSnapshot(cloud, diskId, 'two');
  const one = await received(cloud, await streamOf(cloud, snapshotId));
  const rest = await streamOf(cloud, later, { BaseSnapshotId: snapshotId });
  const action = StartReceive({ transfers: cloud.transfers, dataPlane: cloud.plane });
  const resources = async (input: object) =>
    (await action.access(cloud.callOf({ ...input }))).map(({ resource }) => resource.split(':').at(-1));
  assert.deepEqual(await resources({ Header: headerOf(rest) }), [`disk/${one.DiskId}`]);
  assert.deepEqual(await resources({ Header: headerOf(rest), DiskId: 'd-other' }), ['disk/d-other']);
  const { TransferId } = await startReceive(cloud, rest);
  assert.deepEqual(await resources({ TransferId }), [`disk/${one.DiskId}`]);
  assert.deepEqual(await resources({ TransferId: 't-none' }), ['disk/*']);
});

test('the id of a transfer goes on with it in place of the header', async () => {
  await using cloud = await TestCloud.ready();
  const stream = await streamOf(cloud, (await snapshotOf(cloud, 'one')).snapshotId);
  const first = await startReceive(cloud, stream);
  const { TransferId } = first;
  const deps = { transfers: cloud.transfers, dataPlane: cloud.plane };
  const again = (input: object, asker = {}) => cloud.call(StartReceive(deps), input, asker);
  assert.deepEqual(await again({ TransferId }), first);
  await cloud.refuses(() => again({}), 'MissingParameter', 400);
  await cloud.refuses(() => again({ TransferId: 't-none' }), 'InvalidTransferId.NotFound', 404);
  const foreign = { account: OTHER_ACCOUNT };
  await cloud.refuses(() => again({ TransferId }, foreign), 'InvalidTransferId.NotFound', 404);
  const [sending] = (await describe(cloud)).filter(({ Kind }) => Kind === 'Send');
  await cloud.refuses(() => again({ TransferId: sending?.TransferId }), 'IncorrectTransferStatus', 403);
});
