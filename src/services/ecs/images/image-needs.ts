import { ApiError } from '../../../api/errors.ts';
import { listCopiesOfImage, type Image } from '../../../metadata/images.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { listImageExports } from '../../../metadata/image-exports.ts';
import { listImageShares } from '../../../metadata/image-shares.ts';
import { isBeingMade } from './image-lifecycle.ts';

/**
 * Refuses to delete an image that somebody needs. For the transaction that deletes it. Source: facts.md 5.10.
 * @throws {ApiError} ImageUseShared, ImageIsExporting, ImageIsCreating, ImageIsImporting, OperationDenied.ImageCopying.
 */
export async function refuseWhileNeeded(
  reader: Reader,
  image: Image,
  _options: { readonly force: boolean },
): Promise<void> {
  const { imageId } = image;
  if (isBeingMade(image.status)) {
    if (image.sourceImageId !== null)
      throw new ApiError(
        'OperationDenied.ImageCopying',
        403,
        `Image ${imageId} is being copied; wait for it, or cancel it with CancelCopyImage.`,
      );
    if (image.devices.some(({ imported }) => imported !== undefined))
      throw new ApiError('ImageIsImporting', 403, `Image ${imageId} is being imported; wait for it.`);
    throw new ApiError('ImageIsCreating', 403, `Image ${imageId} is being created; delete it when it is Available.`);
  }
  const copy = (await listCopiesOfImage(reader, imageId)).find(({ status }) => isBeingMade(status));
  if (copy !== undefined)
    throw new ApiError(
      'OperationDenied.ImageCopying',
      403,
      `Image ${imageId} is being copied as ${copy.imageId}; wait for that, or cancel it with CancelCopyImage.`,
    );
  await refuseWhileExported(reader, imageId);
  await refuseWhileShared(reader, imageId);
}

/** @throws {ApiError} ImageIsExporting. */
export async function refuseWhileExported(reader: Reader, imageId: string): Promise<void> {
  const [running] = await listImageExports(reader, { imageId, status: 'Running' });
  if (running === undefined) return;
  throw new ApiError(
    'ImageIsExporting',
    403,
    `Image ${imageId} is being exported, as task ${running.taskId}; wait for it.`,
  );
}

/** @throws {ApiError} ImageUseShared. Source: facts.md 5.9, 5.10. */
export async function refuseWhileShared(reader: Reader, imageId: string): Promise<void> {
  const { length } = await listImageShares(reader, imageId);
  if (length === 0) return;
  throw new ApiError(
    'ImageUseShared',
    403,
    `Image ${imageId} is shared with ${length} accounts; take that back with ModifyImageSharePermission first.`,
  );
}
