import assert from 'node:assert/strict';

import type { CopyImageInput } from '../../../../src/api/generated/ecs.ts';
import { findImage, type Image } from '../../../../src/metadata/images.ts';
import { updateSnapshot } from '../../../../src/metadata/snapshots.ts';
import { CopyImage } from '../../../../src/services/ecs/actions/CopyImage.ts';
import { OTHER_REGION, REGION, TestCloud, type Asker } from '../test-cloud.ts';
import { putImage } from './image-rows.ts';

/** A cloud in which encryption works in both regions. */
export async function openTwoRegions(): Promise<TestCloud> {
  const cloud = await TestCloud.ready();
  await cloud.openKms({ region: OTHER_REGION });
  return cloud;
}

/** An image of one system disk with `content`, encrypted as `disk` says. */
export async function imageWith(
  cloud: TestCloud,
  content: string,
  disk: { Encrypted?: boolean; KMSKeyId?: string } = {},
  changes: Partial<Image> = {},
): Promise<string> {
  const diskId = await cloud.createDisk(disk);
  await cloud.useDisk(diskId, content);
  const snapshotId = await cloud.createSnapshot(diskId);
  await cloud.database.transact((transaction) => updateSnapshot(transaction, snapshotId, { sourceDiskType: 'system' }));
  return putImage(cloud, {
    imageId: `m-bp1${diskId.slice(5)}`,
    devices: [
      { device: '/dev/xvda', type: 'system', snapshotId, sizeGib: 20 },
      { device: '/dev/xvdb', type: 'data', snapshotId: null, sizeGib: 5 },
    ],
    ...changes,
  });
}

export const copy = (cloud: TestCloud, imageId: string, input: Partial<CopyImageInput> = {}, asker: Asker = {}) =>
  cloud.call(CopyImage(cloud.parts), { RegionId: REGION, ImageId: imageId, ...input }, asker);

/** The copy when nothing more can be done for it. */
export async function copied(cloud: TestCloud, imageId: string, input: Partial<CopyImageInput>): Promise<Image> {
  const { ImageId } = await copy(cloud, imageId, input);
  await cloud.parts.imageCopies.idle();
  return imageOf(cloud, ImageId);
}

export async function imageOf(cloud: TestCloud, imageId: string | undefined): Promise<Image> {
  const image = await findImage(cloud.database.read, imageId ?? '');
  assert.ok(image !== undefined, `there is image ${imageId}`);
  return image;
}

/** The snapshot of the image's system disk. */
export async function systemSnapshot(cloud: TestCloud, { devices }: Pick<Image, 'devices'>) {
  return cloud.snapshot(devices[0]?.snapshotId ?? '');
}
