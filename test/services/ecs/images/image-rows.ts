import { insertImage, type Image } from '../../../../src/metadata/images.ts';
import { anImage } from '../../../metadata/support.ts';
import { ACCOUNT, REGION, type TestCloud } from '../test-cloud.ts';

/** A row of an image as CreateImage leaves it, made directly. */
export async function putImage(cloud: TestCloud, changes: Partial<Image> = {}): Promise<string> {
  const image = anImage({
    accountId: ACCOUNT,
    regionId: REGION,
    name: '',
    failure: null,
    devices: [],
    sourceInstanceId: null,
    sourceImageId: null,
    sourceRegionId: null,
    resourceGroupId: null,
    tags: [],
    createdMs: cloud.clock.now,
    ...changes,
  });
  await cloud.database.transact((transaction) => insertImage(transaction, image));
  return image.imageId;
}
