import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isEncrypted, usableImage, type ImagePurpose } from '../../../../src/services/ecs/images/image-use.ts';
import { ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, refusal, REGION, TestCloud } from '../test-cloud.ts';
import { putImage } from './image-rows.ts';

const use = (
  cloud: TestCloud,
  imageId: string,
  purpose: ImagePurpose = 'instance',
  accountId = ACCOUNT,
  region = REGION,
) => usableImage(cloud.parts, { accountId }, region, imageId, purpose);

test('an own image is used with the snapshots of its disks, and is encrypted when one of them is', async () => {
  await using cloud = await TestCloud.ready();
  const plain = await cloud.createDisk();
  const encrypted = await cloud.createDisk({ Encrypted: true });
  for (const diskId of [plain, encrypted]) await cloud.useDisk(diskId);
  const snapshots = [await cloud.createSnapshot(plain), await cloud.createSnapshot(encrypted)];
  const device = (at: number) => ({
    device: `/dev/xvd${'ab'[at]}`,
    type: at === 0 ? ('system' as const) : ('data' as const),
    snapshotId: snapshots[at] ?? null,
    sizeGib: 20,
  });
  const blank = { device: '/dev/xvdc', type: 'data', snapshotId: null, sizeGib: 5 } as const;
  const both = await putImage(cloud, { devices: [device(0), device(1), blank] });
  const one = await putImage(cloud, { imageId: 'm-bp1000000000000000002', devices: [device(0), blank] });
  const used = await use(cloud, both);
  assert.equal(used.origin, 'own');
  assert.deepEqual(
    used.devices.map(({ device: name, snapshot }) => [name, snapshot?.snapshotId]),
    [
      ['/dev/xvda', snapshots[0]],
      ['/dev/xvdb', snapshots[1]],
      ['/dev/xvdc', undefined],
    ],
  );
  assert.equal(isEncrypted(used), true);
  assert.equal(isEncrypted(await use(cloud, one)), false);
});

test('an image of another account or region is like one that does not exist', async () => {
  await using cloud = await TestCloud.open();
  const imageId = await putImage(cloud);
  await refusal(use(cloud, 'm-bp1000000000000000009'), 'InvalidImageId.NotFound', 404);
  await refusal(use(cloud, imageId, 'instance', OTHER_ACCOUNT), 'InvalidImageId.NotFound', 404);
  await refusal(use(cloud, imageId, 'instance', ACCOUNT, OTHER_REGION), 'InvalidImageId.NotFound', 404);
});

test('an image that is not whole is not used; a deprecated one is, but not for a copy', async () => {
  await using cloud = await TestCloud.open();
  for (const [index, status] of (['Waiting', 'Creating', 'UnAvailable', 'CreateFailed'] as const).entries()) {
    const imageId = await putImage(cloud, { imageId: `m-bp100000000000000001${index}`, status });
    for (const purpose of ['instance', 'reinit', 'copy'] as const)
      await refusal(use(cloud, imageId, purpose), 'IncorrectImageStatus', 400);
  }
  const deprecated = await putImage(cloud, { status: 'Deprecated' });
  await use(cloud, deprecated, 'instance');
  await use(cloud, deprecated, 'reinit');
  await refusal(use(cloud, deprecated, 'copy'), 'OperationDenied.InvalidImageStatus', 403);
});
