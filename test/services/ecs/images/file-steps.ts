import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { ExportImageInput, ImportImageInput } from '../../../../src/api/generated/ecs.ts';
import { ExportImage } from '../../../../src/services/ecs/actions/ExportImage.ts';
import { ImportImage } from '../../../../src/services/ecs/actions/ImportImage.ts';
import { ACCOUNT, REGION, type Asker, type TestCloud } from '../test-cloud.ts';

export const BUCKET = 'images';

/** Puts a file into the account's bucket. It begins with its size in GiB. */
export function putFile(cloud: TestCloud, name: string, text: string, account = ACCOUNT): void {
  const file = path.join(cloud.bucket(BUCKET, account), name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

export const file = (OSSObject: string, more: object = {}) => ({ OSSBucket: BUCKET, OSSObject, ...more });

export const importImage = (
  cloud: TestCloud,
  files: ImportImageInput['DiskDeviceMapping'],
  input: Partial<ImportImageInput> = {},
  asker: Asker = {},
) =>
  cloud.call(
    ImportImage(cloud.parts),
    { RegionId: REGION, ...(files !== undefined && { DiskDeviceMapping: files }), ...input },
    asker,
  );

export const exportImage = (
  cloud: TestCloud,
  imageId: string,
  input: Partial<ExportImageInput> = {},
  asker: Asker = {},
) => cloud.call(ExportImage(cloud.parts), { RegionId: REGION, ImageId: imageId, OSSBucket: BUCKET, ...input }, asker);

/** The image when nothing more can be done for it. */
export async function imported(
  cloud: TestCloud,
  ...args: Parameters<typeof importImage> extends [unknown, ...infer R] ? R : never
) {
  const { ImageId } = await importImage(cloud, ...args);
  await cloud.parts.imageFiles.work.idle();
  assert.ok(ImageId !== undefined);
  return ImageId;
}
