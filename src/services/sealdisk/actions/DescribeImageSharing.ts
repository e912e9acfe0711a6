import type { Action } from '../../../api/action.ts';
import type { DescribeImageSharingInput, DescribeImageSharingOutput } from '../../../api/generated/sealdisk.ts';
import { isoSeconds } from '../../../base/clock.ts';
import type { Database } from '../../../metadata/database.ts';
import { listImageShares, type ImageShare } from '../../../metadata/image-shares.ts';
import type { Snapshot } from '../../../metadata/snapshots.ts';
import { ecsAccessToId } from '../../ecs/access.ts';
import { regionOfId } from '../../ecs/regions.ts';
import { ownImage, snapshotsOfImage } from '../../ecs/sharing/shareable-image.ts';
import { narrowRoleAdvice, otherUsesOf, separateKeyAdvice } from '../../ecs/sharing/sharing-advice.ts';
import type { DataKeys } from '../../ecs/stored-data-key.ts';

/**
 * Tells the owner of an image whether each account that it is shared with can use it now, else what is in the way; what else
 * its key is used for; and what would be better. Opens nothing.
 */
export function DescribeImageSharing(deps: {
  readonly database: Database;
  readonly dataKeys: DataKeys;
}): Action<DescribeImageSharingInput, DescribeImageSharingOutput> {
  return {
    product: 'sealdisk',
    name: 'DescribeImageSharing',
    access: ({ input, caller, regionId }) => [
      ecsAccessToId('sealdisk:DescribeImageSharing', caller, regionId, 'image', input.ImageId),
    ],
    run: async ({ input, caller, regionId }) => {
      const { read } = deps.database;
      const region = regionOfId(input.ImageId)?.regionId ?? regionId;
      const image = await ownImage(read, { accountId: caller.accountId, regionId: region }, input.ImageId);
      const shares = await listImageShares(read, image.imageId);
      const snapshot = (await snapshotsOfImage(read, image)).find(({ wrappedBy }) => wrappedBy === 'kms');
      const receivers = await Promise.all(shares.map((share) => receiver(deps.dataKeys, share, snapshot)));
      const answer = {
        ImageId: image.imageId,
        RegionId: image.regionId,
        Encrypted: snapshot !== undefined,
        Receivers: { Receiver: receivers },
        Advices: { Advice: [] },
      };
      if (snapshot?.kmsKeyId === undefined || snapshot.kmsKeyId === null) return answer;
      const others = await otherUsesOf(read, image, snapshot.kmsKeyId);
      const accounts = shares.map(({ accountId }) => accountId);
      const advices = [
        { Code: 'SeparateKey', Message: separateKeyAdvice(image.imageId, others) },
        { Code: 'NarrowRole', Message: await narrowRoleAdvice(deps.dataKeys, image, snapshot.kmsKeyId, accounts) },
      ];
      return {
        ...answer,
        KMSKeyId: snapshot.kmsKeyId,
        OtherUses: { Disks: others.disks, Snapshots: others.snapshots, Images: others.images },
        Advices: { Advice: advices.filter(({ Message }) => Message !== undefined) },
      };
    },
  };
}

async function receiver(dataKeys: DataKeys, { accountId, sharedMs }: ImageShare, snapshot: Snapshot | undefined) {
  const obstacle =
    snapshot === undefined
      ? undefined
      : await dataKeys.sharingObstacle({ ...snapshot, kmsKeyId: snapshot.kmsKeyId ?? '', receiver: accountId });
  return {
    AccountId: accountId,
    SharedTime: isoSeconds(sharedMs),
    Usable: obstacle === undefined,
    Reason: obstacle?.message ?? '',
  };
}
