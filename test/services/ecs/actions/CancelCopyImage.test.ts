import assert from 'node:assert/strict';
import { test } from 'node:test';

import { findImage } from '../../../../src/metadata/images.ts';
import { findSnapshot } from '../../../../src/metadata/snapshots.ts';
import { CancelCopyImage } from '../../../../src/services/ecs/actions/CancelCopyImage.ts';
import { copied, copy, imageOf, imageWith, openTwoRegions } from '../images/copy-steps.ts';
import { putImage } from '../images/image-rows.ts';
import { ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, refusal, REGION, TestCloud, type Asker } from '../test-cloud.ts';

const cancel = (cloud: TestCloud, imageId: string | undefined, asker: Asker = {}) =>
  cloud.call(CancelCopyImage(cloud.parts), { RegionId: REGION, ImageId: imageId ?? '' }, asker);

test('a copy that is being made, or waits, goes with all that there is of it; cancelling twice is no error', async () => {
  await using cloud = await openTwoRegions();
  const source = await imageWith(cloud, 'bytes');
  const disks = cloud.plane.diskIds;
  const gate = Promise.withResolvers<void>();
  cloud.plane.after = (method) => (method === 'cloneDisk' ? gate.promise : undefined);
  const ids = [];
  for (let index = 0; index < 6; index += 1) ids.push((await copy(cloud, source, { Encrypted: true })).ImageId);
  const made = await Promise.all(ids.map((id) => imageOf(cloud, id)));
  assert.equal(made[5]?.status, 'Waiting');
  for (const id of ids) await cancel(cloud, id);
  await cancel(cloud, ids[0]);
  gate.resolve();
  await cloud.parts.imageCopies.idle();
  for (const { imageId, devices } of made) {
    assert.equal(await findImage(cloud.database.read, imageId), undefined);
    const snapshotId = devices[0]?.snapshotId ?? '';
    assert.equal(await findSnapshot(cloud.database.read, snapshotId), undefined);
  }
  assert.deepEqual(cloud.plane.diskIds, disks);
  assert.equal((await imageOf(cloud, source)).status, 'Available');
});

test('M10: cancelling needs no key', async () => {
  await using cloud = await openTwoRegions();
  const keyId = await cloud.createKey();
  const source = await imageWith(cloud, 'bytes');
  const gate = Promise.withResolvers<void>();
  cloud.plane.after = (method) => (method === 'cloneDisk' ? gate.promise : undefined);
  const { ImageId } = await copy(cloud, source, { Encrypted: true, KMSKeyId: keyId });
  await cloud.disableKey(keyId);
  await cloud.removeDiskRole();
  await cancel(cloud, ImageId);
  gate.resolve();
  await cloud.parts.imageCopies.idle();
  assert.equal(await findImage(cloud.database.read, ImageId ?? ''), undefined);
});

test('refused requests answer their documented code', async () => {
  await using cloud = await openTwoRegions();
  const source = await imageWith(cloud, 'bytes');
  await refusal(cancel(cloud, source), 'ImageCreatedNotFromCopy', 400);
  const done = await copied(cloud, source, { Encrypted: true });
  await refusal(cancel(cloud, done.imageId), 'IncorrectImageStatus', 400);
  await refusal(cancel(cloud, 'm-bp1000000000000000000'), 'InvalidImageId.NotFound', 404);
  const waiting = { imageId: 'm-bp1000000000000000007', status: 'Waiting', sourceImageId: source } as const;
  const making = await putImage(cloud, waiting);
  await refusal(cancel(cloud, making, { account: OTHER_ACCOUNT }), 'InvalidImageId.NotFound', 404);
  await refusal(cancel(cloud, making, { region: OTHER_REGION }), 'InvalidImageId.NotFound', 404);
  assert.equal((await imageOf(cloud, making)).failure, null);
});

test('permission: ecs:CancelCopyImage on the image', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(await CancelCopyImage(cloud.parts).access(cloud.callOf({ RegionId: REGION, ImageId: 'm-1' })), [
    { action: 'ecs:CancelCopyImage', resource: `acs:ecs:${REGION}:${ACCOUNT}:image/m-1` },
  ]);
});
