import { findImageShare } from '../../../metadata/image-shares.ts';
import { findImage, type Image } from '../../../metadata/images.ts';
import type { Reader } from '../../../metadata/reader.ts';

/** An image of another account that is shared with the one that asks. Undefined when it does not exist, too. */
export async function findReceivedImage(
  reader: Reader,
  { accountId, regionId }: { readonly accountId: string; readonly regionId: string },
  imageId: string,
): Promise<Image | undefined> {
  if ((await findImageShare(reader, imageId, accountId)) === undefined) return undefined;
  const image = await findImage(reader, imageId);
  return image?.regionId === regionId && image.accountId !== accountId ? image : undefined;
}
