import { assert } from '../../../base/assert.ts';
import { findImage, updateImage, type Image, type ImageStatus } from '../../../metadata/images.ts';
import type { Transaction } from '../../../metadata/reader.ts';
import { imageMayBecome } from './image-lifecycle.ts';

/** The only way in which an image's status changes: along image-lifecycle.ts, together with `changes`. */
export async function moveImage(
  transaction: Transaction,
  imageId: string,
  status: ImageStatus,
  changes: Partial<Omit<Image, 'imageId' | 'status'>> = {},
): Promise<Image> {
  const image = await findImage(transaction, imageId);
  assert(
    image !== undefined && imageMayBecome(image.status, status),
    `image ${imageId}: ${image?.status} to ${status}`,
  );
  return updateImage(transaction, imageId, { ...changes, status });
}
