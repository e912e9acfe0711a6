import { ApiError } from '../../../api/errors.ts';
import { findImage, type Image } from '../../../metadata/images.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { findSnapshot, type Snapshot } from '../../../metadata/snapshots.ts';
import { unknownImage } from '../refusals.ts';
import type { DataKeys } from '../stored-data-key.ts';
import { sharingError } from './sharing-errors.ts';

/** @throws {ApiError} InvalidImageId.NotFound: also for an image that is only shared with the account. */
export async function ownImage(
  reader: Reader,
  { accountId, regionId }: { readonly accountId: string; readonly regionId: string },
  imageId: string,
): Promise<Image> {
  const image = await findImage(reader, imageId);
  if (image?.accountId !== accountId || image.regionId !== regionId) throw unknownImage(imageId, regionId);
  return image;
}

/** The snapshots that the image's disks are made from. */
export async function snapshotsOfImage(reader: Reader, { devices }: Image): Promise<Snapshot[]> {
  const ids = devices.flatMap(({ snapshotId }) => (snapshotId === null ? [] : [snapshotId]));
  const found = await Promise.all(ids.map((snapshotId) => findSnapshot(reader, snapshotId)));
  return found.filter((snapshot) => snapshot !== undefined);
}

/** @throws {ApiError} OperationDenied.InvalidImageStatus, IncorrectImageStatus. Source: facts.md 5.9; decisions.md D6. */
export function refuseStatus({ imageId, status }: Image): void {
  if (status === 'Deprecated')
    throw new ApiError(
      'OperationDenied.InvalidImageStatus',
      403,
      `Image ${imageId} is Deprecated and cannot be shared; set its status to Available with ModifyImageAttribute first.`,
    );
  if (status !== 'Available')
    throw new ApiError('IncorrectImageStatus', 400, `Image ${imageId} is ${status}; share it when it is Available.`);
}

/**
 * What an image itself may keep from being shared. An unencrypted one may be shared anywhere.
 * @param sharingRegions where encrypted images can be shared.
 * @throws {ApiError} OperationDeined.FullImage, OperationDeined.EncryptedSnapshot. Source: facts.md 5.13; decisions.md A1.
 */
export function refuseForm(image: Image, snapshots: readonly Snapshot[], sharingRegions: readonly string[]): void {
  if (!snapshots.some(({ encrypted }) => encrypted)) return;
  if (image.devices.length > 1)
    throw new ApiError(
      'OperationDeined.FullImage',
      403,
      `Image ${image.imageId} is encrypted and has ${image.devices.length} disks; only encrypted images of a system disk alone can be shared.`,
    );
  if (!sharingRegions.includes(image.regionId))
    throw new ApiError(
      'OperationDeined.EncryptedSnapshot',
      403,
      `Encrypted images cannot be shared in ${image.regionId}, only in ${sharingRegions.join(', ')}; copy the image to one of these.`,
    );
}

/**
 * Asks for each key of the image whether each receiver could use it now, which needs the sharing role.
 * @throws {ApiError} of sharing-errors.ts, for the first that could not.
 */
export async function refuseReceivers(
  dataKeys: Pick<DataKeys, 'sharingObstacle'>,
  snapshots: readonly Snapshot[],
  receivers: readonly string[],
): Promise<void> {
  for (const { accountId, regionId, kmsKeyId } of snapshots.filter(({ wrappedBy }) => wrappedBy === 'kms'))
    for (const receiver of receivers) {
      const obstacle = await dataKeys.sharingObstacle({ accountId, regionId, kmsKeyId: kmsKeyId ?? '', receiver });
      if (obstacle !== undefined) throw sharingError(obstacle);
    }
}
