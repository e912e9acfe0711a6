import { isoSeconds } from '../../../base/clock.ts';
import type { DescribeImagesOutputImage } from '../../../api/generated/ecs.ts';
import type { Image } from '../../../metadata/images.ts';
import type { Snapshot } from '../../../metadata/snapshots.ts';
import { wireTags } from '../resource-tags.ts';
import { isUsable } from './image-lifecycle.ts';
import type { PublicImage } from './public-images.ts';

/** What an image is to whoever looks at it. */
export interface ImageStanding {
  readonly ownerAlias: 'system' | 'self' | 'others';
  /** Of the snapshots of its disks. */
  readonly snapshots: ReadonlyMap<string, Snapshot>;
  /** Whether an instance was made of it. */
  readonly isUsed: boolean;
  /** Whether its owner shares it with others. */
  readonly isSelfShared: boolean;
}

/** A custom image as DescribeImages answers it. Sizes of disks are strings, that of the image is a number (facts.md 5.4). */
export function imageView(image: Image, standing: ImageStanding): DescribeImagesOutputImage {
  return {
    ...commonView(image, standing),
    Status: image.status,
    Progress: `${image.progress}%`,
    ImageOwnerId: Number(image.accountId),
    IsCopied: image.sourceImageId !== null,
    IsSelfShared: standing.ownerAlias === 'self' ? String(standing.isSelfShared) : '',
    Usable: isUsable(image.status),
    ResourceGroupId: image.resourceGroupId ?? '',
    Tags: wireTags(standing.ownerAlias === 'self' ? image.tags : []),
  };
}

/** A public image likewise. */
export function publicImageView(image: PublicImage, isUsed: boolean): DescribeImagesOutputImage {
  return {
    ...commonView(image, { ownerAlias: 'system', snapshots: new Map(), isUsed }),
    Status: 'Available',
    Progress: '100%',
    ImageOwnerId: 0,
    IsCopied: false,
    IsSelfShared: '',
    Usable: true,
    ResourceGroupId: '',
    Tags: wireTags([]),
  };
}

function commonView(
  image: Image | PublicImage,
  { ownerAlias, snapshots, isUsed }: Pick<ImageStanding, 'ownerAlias' | 'snapshots' | 'isUsed'>,
): DescribeImagesOutputImage {
  return {
    ImageId: image.imageId,
    ImageName: image.name,
    ImageFamily: image.family,
    ImageVersion: image.version,
    Description: image.description,
    ImageOwnerAlias: ownerAlias,
    OSType: image.osType,
    OSName: image.osName,
    OSNameEn: image.osName,
    Platform: image.platform,
    Architecture: image.architecture,
    BootMode: image.bootMode,
    Size: image.sizeGib,
    Usage: isUsed ? 'instance' : 'none',
    IsPublic: false,
    IsSubscribed: false,
    IsSupportCloudinit: true,
    IsSupportIoOptimized: true,
    ProductCode: '',
    CreationTime: isoSeconds(image.createdMs),
    DiskDeviceMappings: {
      DiskDeviceMapping: image.devices.map(({ device, type, snapshotId, sizeGib, imported }) => ({
        Device: device,
        Type: type,
        Size: String(sizeGib),
        // Whose the snapshot is not has no use for its id.
        SnapshotId: ownerAlias === 'self' ? (snapshotId ?? '') : '',
        Encrypted: snapshotId !== null && snapshots.get(snapshotId)?.encrypted === true,
        Progress: '100%',
        RemainTime: 0,
        Format: imported?.format ?? '',
        ImportOSSBucket: imported?.bucket ?? '',
        ImportOSSObject: imported?.object ?? '',
      })),
    },
  };
}
