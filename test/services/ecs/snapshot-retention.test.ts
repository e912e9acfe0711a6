import assert from 'node:assert/strict';
import { test } from 'node:test';

import { findSnapshot } from '../../../src/metadata/snapshots.ts';
import { deleteExpiredSnapshots } from '../../../src/services/ecs/snapshot-retention.ts';
import { TestCloud } from './test-cloud.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

test('snapshots are deleted when their RetentionDays are over, not before; others stay', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  await cloud.useDisk(diskId, 'kept');
  const short = await cloud.createSnapshot(diskId, { RetentionDays: 2 });
  const long = await cloud.createSnapshot(diskId, { RetentionDays: 3 });
  const forever = await cloud.createSnapshot(diskId);
  const copy = await cloud.createDisk({ SnapshotId: short });
  const { now } = cloud.clock;
  assert.equal(await deleteExpiredSnapshots(cloud.parts, now + 2 * DAY_MS - 1), 0);
  assert.equal(await deleteExpiredSnapshots(cloud.parts, now + 2 * DAY_MS), 1);
  assert.equal(await findSnapshot(cloud.database.read, short), undefined);
  assert.deepEqual(cloud.plane.snapshotIds(diskId), [long, forever]);
  assert.equal(cloud.plane.content(copy), 'kept');
  assert.equal(await deleteExpiredSnapshots(cloud.parts, now + 1000 * DAY_MS), 1);
  assert.deepEqual(cloud.plane.snapshotIds(diskId), [forever]);
});
