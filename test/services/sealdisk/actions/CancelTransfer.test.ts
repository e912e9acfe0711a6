import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CancelTransfer } from '../../../../src/services/sealdisk/actions/CancelTransfer.ts';
import { ACCOUNT, OTHER_ACCOUNT, TestCloud } from '../../ecs/test-cloud.ts';
import { arrived, cancel, describe, finish, nextSnapshot, received, snapshotOf, streamOf } from '../transfer-steps.ts';

test('a cancelled transfer is gone on both sides, and its stream can be received anew', async () => {
  await using cloud = await TestCloud.ready();
  const stream = await streamOf(cloud, (await snapshotOf(cloud, 'one')).snapshotId);
  const id = await arrived(cloud, stream);
  for (const { TransferId = '' } of await describe(cloud)) await cancel(cloud, TransferId);
  assert.deepEqual(await describe(cloud), []);
  assert.deepEqual(cloud.plane.transfers.listTransfers(), []);
  await cloud.refuses(() => cancel(cloud, id), 'InvalidTransferId.NotFound', 404);
  assert.equal((await received(cloud, stream)).Status, 'Done');
});

test('a new disk that is being received goes with its transfer', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId, diskId } = await snapshotOf(cloud, 'one');
  const id = await arrived(cloud, await streamOf(cloud, snapshotId));
  await finish(cloud, id);
  await cancel(cloud, id);
  assert.deepEqual(cloud.plane.diskIds, [diskId]);
});

test('a disk that is being changed is not left half way', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId, diskId } = await snapshotOf(cloud, 'one');
  await received(cloud, await streamOf(cloud, snapshotId));
  const next = await nextSnapshot(cloud, diskId, 'two');
  const id = await arrived(cloud, await streamOf(cloud, next, { BaseSnapshotId: snapshotId }));
  await finish(cloud, id);
  await cloud.refuses(() => cancel(cloud, id), 'IncorrectTransferStatus', 403);
});

test('transfers of others are unknown', async () => {
  await using cloud = await TestCloud.ready();
  const id = await arrived(cloud, await streamOf(cloud, (await snapshotOf(cloud, 'one')).snapshotId));
  await cloud.refuses(() => cancel(cloud, id, { account: OTHER_ACCOUNT }), 'InvalidTransferId.NotFound', 404);
});

test('permission: sealdisk:CancelTransfer on the transfer', async () => {
  await using cloud = await TestCloud.open();
  const call = cloud.callOf({ TransferId: 't-bp112345678901234567' });
  assert.deepEqual(await CancelTransfer({ transfers: cloud.transfers }).access(call), [
    {
      action: 'sealdisk:CancelTransfer',
      resource: `acs:sealdisk:cn-hangzhou:${ACCOUNT}:transfer/t-bp112345678901234567`,
    },
  ]);
});
