import type { Caller } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import { assert } from '../../../base/assert.ts';
import { findImage, type Image, type ImageDevice } from '../../../metadata/images.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { findSnapshot, type Snapshot } from '../../../metadata/snapshots.ts';
import { unknownImage } from '../refusals.ts';
import { findReceivedImage } from '../sharing/received-image.ts';
import { isUsable } from './image-lifecycle.ts';
import { publicImages, type PublicImage } from './public-images.ts';

/** What an image is wanted for: an instance or a new system disk, putting a disk back, or a copy. */
export type ImagePurpose = 'instance' | 'reinit' | 'copy';

/** A disk of an image, and what it is made from. */
export interface UsableDevice extends ImageDevice {
  /** Undefined: the disk starts blank. It may belong to another account than the caller's. */
  readonly snapshot: Snapshot | undefined;
}

/** An image that the caller may use. */
export interface UsableImage {
  readonly origin: 'public' | 'own' | 'shared';
  readonly image: PublicImage | Image;
  /** The system disk first. */
  readonly devices: readonly UsableDevice[];
}

/** `database.read` may be a transaction. */
export interface ImageUseParts {
  readonly database: { readonly read: Reader };
}

/**
 * Whether the caller may use an image, and how its disks are made: the one place that decides it.
 * @throws {ApiError} InvalidImageId.NotFound, IncorrectImageStatus, OperationDenied.InvalidImageStatus.
 */
export async function usableImage(
  { database }: ImageUseParts,
  { accountId }: Pick<Caller, 'accountId'>,
  regionId: string,
  imageId: string,
  purpose: ImagePurpose,
): Promise<UsableImage> {
  const open = publicImages(regionId).find((one) => one.imageId === imageId);
  if (open !== undefined)
    return {
      origin: 'public',
      image: open,
      devices: open.devices.map((device) => ({ ...device, snapshot: undefined })),
    };
  const caller = { accountId, regionId };
  const own = await findImage(database.read, imageId);
  const isOwn = own?.accountId === accountId && own.regionId === regionId;
  const image = isOwn ? own : await findReceivedImage(database.read, caller, imageId);
  if (image === undefined) throw unknownImage(imageId, regionId);
  refuseUnlessWhole(image, purpose);
  return { origin: isOwn ? 'own' : 'shared', image, devices: await devicesOf(database.read, image) };
}

/** Whether anything of the image is encrypted. */
export function isEncrypted({ devices }: Pick<UsableImage, 'devices'>): boolean {
  return devices.some(({ snapshot }) => snapshot?.encrypted === true);
}

/** Source: facts.md 5.9; decisions.md D6. */
function refuseUnlessWhole({ imageId, status }: Image, purpose: ImagePurpose): void {
  if (status === 'Available') return;
  if (!isUsable(status))
    throw new ApiError('IncorrectImageStatus', 400, `Image ${imageId} is ${status}; wait until it is Available.`);
  if (purpose === 'copy')
    throw new ApiError(
      'OperationDenied.InvalidImageStatus',
      403,
      `Image ${imageId} is Deprecated; set its Status to Available with ModifyImageAttribute first.`,
    );
}

/** A snapshot cannot go while an image needs it, so that each is there. */
export function devicesOf(reader: Reader, { imageId, devices }: Image): Promise<UsableDevice[]> {
  return Promise.all(
    devices.map(async (device) => {
      const snapshot = device.snapshotId === null ? undefined : await findSnapshot(reader, device.snapshotId);
      assert(
        device.snapshotId === null || snapshot !== undefined,
        `image ${imageId} has snapshot ${device.snapshotId}`,
      );
      return { ...device, snapshot };
    }),
  );
}
