import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ModifySnapshotAttribute } from '../../../../src/services/ecs/actions/ModifySnapshotAttribute.ts';
import { deleteExpiredSnapshots } from '../../../../src/services/ecs/snapshot-retention.ts';
import { ACCOUNT, OTHER_ACCOUNT, REGION, TestCloud } from '../test-cloud.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

const modify = (cloud: TestCloud, SnapshotId: string, more = {}, asker = {}) =>
  cloud.call(ModifySnapshotAttribute(cloud.parts), { SnapshotId, ...more }, asker);

async function aSnapshot(cloud: TestCloud, input: object = {}): Promise<string> {
  const diskId = await cloud.createDisk();
  await cloud.useDisk(diskId);
  return cloud.createSnapshot(diskId, input);
}

test('what is given changes, and the time of the change; an empty description removes it', async () => {
  await using cloud = await TestCloud.open();
  const snapshotId = await aSnapshot(cloud, { SnapshotName: 'before', Description: 'before the upgrade' });
  const before = await cloud.snapshot(snapshotId);
  cloud.clock.now += 5_000;
  assert.deepEqual(await modify(cloud, snapshotId, { SnapshotName: 'after' }), {});
  const renamed = { ...before, name: 'after', modifiedMs: cloud.clock.now };
  assert.deepEqual(await cloud.snapshot(snapshotId), renamed);
  await modify(cloud, snapshotId, { Description: '', DisableInstantAccess: true });
  assert.deepEqual(await cloud.snapshot(snapshotId), { ...renamed, description: '' });
});

test('a snapshot is kept for longer, and then deleted; never for a shorter time', async () => {
  await using cloud = await TestCloud.open();
  const snapshotId = await aSnapshot(cloud, { RetentionDays: 2 });
  await modify(cloud, snapshotId, { RetentionDays: 4 });
  const shorter = () => modify(cloud, snapshotId, { RetentionDays: 3 });
  await cloud.refuses(shorter, 'InvalidRetentionDays.Malformed', 400);
  cloud.clock.now += 3 * DAY_MS;
  assert.equal(await deleteExpiredSnapshots(cloud.parts, cloud.clock.now), 0);
  cloud.clock.now += DAY_MS;
  assert.equal(await deleteExpiredSnapshots(cloud.parts, cloud.clock.now), 1);
});

test('a time that is over already is refused, so that no request deletes a snapshot by the way', async () => {
  await using cloud = await TestCloud.open();
  const snapshotId = await aSnapshot(cloud);
  cloud.clock.now += 10 * DAY_MS;
  const over = () => modify(cloud, snapshotId, { RetentionDays: 10 });
  await cloud.refuses(over, 'InvalidRetentionDays.Malformed', 400);
  await modify(cloud, snapshotId, { RetentionDays: 11 });
  assert.equal((await cloud.snapshot(snapshotId)).retentionDays, 11);
});

test('refused requests answer their documented code and change nothing', async () => {
  await using cloud = await TestCloud.open();
  const snapshotId = await aSnapshot(cloud);
  const refused: readonly (readonly [object, string, number])[] = [
    [{}, 'NoAttributeToModify', 400],
    [{ SnapshotName: '' }, 'NoAttributeToModify', 400],
    [{ SnapshotName: 'auto-1' }, 'InvalidSnapshotName.Malformed', 400],
    [{ SnapshotName: '1' }, 'InvalidSnapshotName.Malformed', 400],
    [{ Description: 'x' }, 'InvalidDescription.Malformed', 404],
    [{ RetentionDays: 0 }, 'InvalidRetentionDays.Malformed', 400],
    [{ RetentionDays: 65537 }, 'InvalidRetentionDays.Malformed', 400],
  ];
  for (const [input, code, httpStatus] of refused)
    await cloud.refuses(() => modify(cloud, snapshotId, input), code, httpStatus);
  const named = { SnapshotName: 'mine' };
  await cloud.refuses(() => modify(cloud, 's-x', named), 'InvalidSnapshotId.NotFound', 404);
  const foreign = () => modify(cloud, snapshotId, named, { account: OTHER_ACCOUNT });
  await cloud.refuses(foreign, 'InvalidSnapshotId.NotFound', 404);
});

test('permission: ecs:ModifySnapshotAttribute on the snapshot', async () => {
  await using cloud = await TestCloud.open();
  const SnapshotId = await aSnapshot(cloud);
  assert.deepEqual(ModifySnapshotAttribute(cloud.parts).access(cloud.callOf({ SnapshotId })), [
    { action: 'ecs:ModifySnapshotAttribute', resource: `acs:ecs:${REGION}:${ACCOUNT}:snapshot/${SnapshotId}` },
  ]);
});
