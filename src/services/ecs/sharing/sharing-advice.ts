import { listDisks } from '../../../metadata/list-disks.ts';
import { listImagesCalled, type Image } from '../../../metadata/images.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { listSnapshots, type Snapshot } from '../../../metadata/snapshots.ts';
import { snapshotsOfImage } from './shareable-image.ts';

/** What else a shared image's key is used for, in its account and region. */
export interface OtherUses {
  readonly disks: number;
  /** Without those of the image itself. */
  readonly snapshots: number;
  readonly images: number;
}

/** @param keyId of the account and region of `image`. */
export async function otherUsesOf(reader: Reader, image: Image, keyId: string): Promise<OtherUses> {
  const { accountId, regionId } = image;
  const filter = { accountId, regionId, kmsKeyId: keyId };
  const first = { kind: 'offset', offset: 0, limit: 1 } as const;
  const isUnder = ({ kmsKeyId }: Snapshot): boolean => kmsKeyId === keyId;
  let images = 0;
  for (const other of await listImagesCalled(reader, { accountId, regionId }))
    if (other.imageId !== image.imageId && (await snapshotsOfImage(reader, other)).some(isUnder)) images += 1;
  const own = (await snapshotsOfImage(reader, image)).filter(isUnder).length;
  return {
    disks: (await listDisks(reader, filter, first)).totalCount,
    snapshots: (await listSnapshots(reader, filter, first)).totalCount - own,
    images,
  };
}

/** Why a key should be for one shared image alone; undefined where it is. Source: mission row M24; facts.md 5.13. */
export function separateKeyAdvice(imageId: string, { disks, snapshots, images }: OtherUses): string | undefined {
  const others = [counted(disks, 'disk'), counted(snapshots, 'snapshot'), counted(images, 'image')].filter(
    (text) => text !== undefined,
  );
  if (others.length === 0) return undefined;
  return `The key of image ${imageId} is used for more than this image: ${others.join(', ')}. Whoever the image is shared with can be stopped by disabling the key only together with these; copy the image under a key of its own with CopyImage, and share the copy.`;
}

function counted(count: number, thing: string): string | undefined {
  return count === 0 ? undefined : `${count} other ${thing}${count === 1 ? '' : 's'}`;
}
