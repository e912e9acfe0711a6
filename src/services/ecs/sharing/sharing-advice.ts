import { SHARING_ROLE } from '../../../kms/receiver-keys.ts';
import { listDisks } from '../../../metadata/list-disks.ts';
import { listImagesCalled, type Image } from '../../../metadata/images.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { listSnapshots, type Snapshot } from '../../../metadata/snapshots.ts';
import type { DataKeys } from '../stored-data-key.ts';
import { snapshotsOfImage } from './shareable-image.ts';

/** Of the form of a key id, and never one. */
const NO_KEY = '00000000-0000-0000-0000-000000000000';

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

/**
 * Whether the sharing role allows a receiver more keys than the image's, which shows in that it allows one that does not
 * exist; undefined where it does not. Source: facts.md 5.13, "least-privilege policy recommended".
 */
export async function narrowRoleAdvice(
  dataKeys: Pick<DataKeys, 'sharingObstacle'>,
  { accountId, regionId }: Image,
  keyId: string,
  receivers: readonly string[],
): Promise<string | undefined> {
  for (const receiver of receivers) {
    const found = await dataKeys.sharingObstacle({ accountId, regionId, kmsKeyId: NO_KEY, receiver });
    if (found?.obstacle === 'not-enabled')
      return `The role ${SHARING_ROLE} lets account ${receiver} use other keys too; limit its policy to acs:kms:${regionId}:${accountId}:key/${keyId}.`;
  }
  return undefined;
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
