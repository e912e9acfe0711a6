import type { Action } from '../../../api/action.ts';
import type {
  DescribeImageFromFamilyInput,
  DescribeImageFromFamilyOutput,
  DescribeImagesOutputImage,
} from '../../../api/generated/ecs.ts';
import { listImagesCalled } from '../../../metadata/images.ts';
import { ecsAccess } from '../access.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { standingOf } from '../images/image-list.ts';
import { imageView, publicImageView } from '../images/image-view.ts';
import { publicImages } from '../images/public-images.ts';
import { missing, unknownRegion } from '../refusals.ts';
import { findRegion } from '../regions.ts';

/**
 * The newest Available image of a family: of the account's own, else of the public ones. None answers no image.
 * Source: SDK, DescribeImageFromFamily.
 */
export function DescribeImageFromFamily(
  deps: Pick<EcsDependencies, 'database'>,
): Action<DescribeImageFromFamilyInput, DescribeImageFromFamilyOutput> {
  return {
    product: 'ecs',
    name: 'DescribeImageFromFamily',
    access: ({ caller, regionId }) => [ecsAccess('ecs:DescribeImageFromFamily', caller, regionId, 'image/*')],
    run: async ({ input, caller: { accountId }, regionId }) => {
      const { ImageFamily: family } = input;
      if (family === '') throw missing('ImageFamily', 'DescribeImages shows the families of images');
      if (findRegion(regionId) === undefined) throw unknownRegion(regionId);
      const { read } = deps.database;
      const own = (await listImagesCalled(read, { accountId, regionId, family, status: 'Available' })).at(-1);
      if (own !== undefined) return { Image: narrowed(imageView(own, await standingOf(read, own))) };
      const open = publicImages(regionId)
        .filter((image) => image.family === family)
        .toSorted((a, b) => a.createdMs - b.createdMs)
        .at(-1);
      return open === undefined ? {} : { Image: narrowed(publicImageView(open, false)) };
    },
  };
}

/** What DescribeImages answers and this operation does not. */
const LEFT_OUT = [
  'BootMode',
  'ImageOwnerId',
  'IsPublic',
  'OSNameEn',
  'ResourceGroupId',
  'Usable',
] as const satisfies readonly (keyof DescribeImagesOutputImage)[];
const LEFT_OUT_OF_MAPPINGS = ['Encrypted', 'Progress', 'RemainTime'] as const;

function narrowed(image: DescribeImagesOutputImage): DescribeImageFromFamilyOutput['Image'] {
  const mappings = image.DiskDeviceMappings?.DiskDeviceMapping ?? [];
  return {
    ...without(image, LEFT_OUT),
    DiskDeviceMappings: { DiskDeviceMapping: mappings.map((mapping) => without(mapping, LEFT_OUT_OF_MAPPINGS)) },
  };
}

function without<T extends object, K extends keyof T>(whole: T, names: readonly K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(whole).filter(([name]) => !names.some((one) => one === name))) as Omit<T, K>;
}
