import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DescribeTransfers } from '../../../../src/services/sealdisk/actions/DescribeTransfers.ts';
import { ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, TestCloud } from '../../ecs/test-cloud.ts';
import { describe, received, snapshotOf, startReceive, startSend, streamOf } from '../transfer-steps.ts';

test('transfers of the account and region are listed, oldest first, without a secret', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId } = await snapshotOf(cloud, 'one');
  const { Psk = '-' } = await startSend(cloud, snapshotId);
  cloud.clock.now += 1_000;
  const stream = await streamOf(cloud, snapshotId);
  cloud.clock.now += 1_000;
  await startReceive(cloud, stream);
  const listed = await describe(cloud);
  assert.deepEqual(
    listed.map(({ Kind }) => Kind),
    ['Send', 'Send', 'Receive'],
  );
  assert.equal(listed[2]?.StreamBytes, stream.length);
  assert.equal(listed[2]?.DurableBytes, 4096);
  assert.ok(!JSON.stringify(listed).includes(Psk));
  assert.deepEqual(await describe(cloud, undefined, { account: OTHER_ACCOUNT }), []);
  assert.deepEqual(await describe(cloud, undefined, { region: OTHER_REGION }), []);
  assert.equal((await describe(cloud, listed[1]?.TransferId)).length, 1);
});

test('after a day a transfer is dropped, with what it received', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId } = await snapshotOf(cloud, 'one');
  const done = await received(cloud, await streamOf(cloud, snapshotId));
  cloud.clock.now += 24 * 60 * 60 * 1000 - 10_000;
  await cloud.transfers.settle();
  assert.equal((await describe(cloud)).length, 2);
  cloud.clock.now += 20_000;
  await cloud.transfers.settle();
  assert.deepEqual(await describe(cloud), []);
  assert.deepEqual(cloud.plane.transfers.listTransfers(), []);
  assert.equal((await cloud.disk(done.DiskId ?? '')).status, 'Available');
});

test('a region that does not exist is refused', async () => {
  await using cloud = await TestCloud.open();
  await cloud.refuses(() => describe(cloud, undefined, { region: 'mars-1' }), 'InvalidRegionId.NotFound', 404);
});

test('permission: sealdisk:DescribeTransfers on the transfers of the region', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(await DescribeTransfers({ transfers: cloud.transfers }).access(cloud.callOf({})), [
    { action: 'sealdisk:DescribeTransfers', resource: `acs:sealdisk:cn-hangzhou:${ACCOUNT}:transfer/*` },
  ]);
});
