import type { DescribeImagesOutputImage } from '../../../api/generated/ecs.ts';
import { findImageShare, listImageShares } from '../../../metadata/image-shares.ts';
import type { Image } from '../../../metadata/images.ts';
import { listImages } from '../../../metadata/list-images.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { findSnapshot, type Snapshot } from '../../../metadata/snapshots.ts';
import { matches, type ImageQuery } from './image-query.ts';
import { imageView, publicImageView, type ImageStanding } from './image-view.ts';
import { publicImages } from './public-images.ts';

interface ListedImages {
  readonly images: readonly DescribeImagesOutputImage[];
  readonly totalCount: number;
}

/** One page of all images that match: the account's own and those shared with it, newest first, then the public ones in their own order. */
export async function listMatchingImages(
  reader: Reader,
  { filter, owner, usage }: ImageQuery,
  { offset, limit }: { readonly offset: number; readonly limit: number },
): Promise<ListedImages> {
  const isWanted = (alias: ImageQuery['owner']): boolean => owner === undefined || owner === alias;
  // No instance is made of an image here, so a query for images in use finds none.
  const isCustom = isWanted('self') || owner === 'others';
  const custom = isCustom && usage !== 'instance' ? filter : { ...filter, imageIds: [] };
  const listed = await listImages(reader, custom, { kind: 'offset', offset, limit });
  const open =
    isWanted('system') && usage !== 'instance'
      ? publicImages(filter.regionId).filter((image) => matches(image, filter))
      : [];
  const begin = Math.max(0, offset - listed.totalCount);
  const shown = open.slice(begin, begin + limit - listed.rows.length);
  const customs = await Promise.all(
    listed.rows.map(async (image) => imageView(image, await standingOf(reader, image, filter.accountId))),
  );
  return {
    images: [...customs, ...shown.map((image) => publicImageView(image, false))],
    totalCount: listed.totalCount + open.length,
  };
}

/**
 * What an image is to an account.
 * @throws {SystemError} kind `corrupt`: it is somebody else's, and that it is shared does not verify.
 */
export async function standingOf(reader: Reader, image: Image, accountId = image.accountId): Promise<ImageStanding> {
  const isOwn = image.accountId === accountId;
  if (!isOwn) await findImageShare(reader, image.imageId, accountId);
  const snapshots = new Map<string, Snapshot>();
  for (const { snapshotId } of image.devices) {
    const snapshot = snapshotId === null ? undefined : await findSnapshot(reader, snapshotId);
    if (snapshot !== undefined) snapshots.set(snapshot.snapshotId, snapshot);
  }
  const isSelfShared = isOwn && (await listImageShares(reader, image.imageId)).length > 0;
  return { ownerAlias: isOwn ? 'self' : 'others', snapshots, isUsed: false, isSelfShared };
}
