import type { Call } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { DescribeImagesInput } from '../../../api/generated/ecs.ts';
import type { Image } from '../../../metadata/images.ts';
import type { ImageFilter } from '../../../metadata/list-images.ts';
import { checkedChoice, checkedCreationTimes } from '../query-filters.ts';
import { missing, unknownRegion } from '../refusals.ts';
import { findRegion } from '../regions.ts';
import { checkedTagFilters } from '../resource-tags.ts';
import { IMAGE_STATUSES, isUsable } from './image-lifecycle.ts';
import type { PublicImage } from './public-images.ts';

const IMAGE_IDS_MAX = 100;
export const ARCHITECTURES: readonly Image['architecture'][] = ['i386', 'x86_64', 'arm64'];
const OWNERS = ['self', 'system', 'others', 'marketplace'] as const;

/** What DescribeImages asks for. */
export interface ImageQuery {
  readonly filter: ImageFilter;
  /** Undefined: of anybody. */
  readonly owner: (typeof OWNERS)[number] | undefined;
  readonly usage: 'instance' | 'none' | undefined;
}

/** Source of filters and codes: facts.md 5.9; apis.md, DescribeImages. */
export function checkedImageQuery({ input, caller, regionId }: Call<DescribeImagesInput>): ImageQuery {
  if (findRegion(regionId) === undefined) throw unknownRegion(regionId);
  checkedChoice(input.ActionType, ['CreateEcs', 'ChangeOS'], undefined, malformed('ActionType'));
  if (input.InstanceType !== undefined)
    throw new ApiError(
      'InvalidInstanceType.ValueNotSupported',
      400,
      `There is no instance type ${input.InstanceType}; leave InstanceType out.`,
    );
  const times = checkedCreationTimes(input.Filter);
  const asked = {
    owner: checkedChoice(input.ImageOwnerAlias, OWNERS, undefined, {
      code: 'InvalidImageOwnerAlias.ValueNotSupported',
      httpStatus: 400,
      parameter: 'ImageOwnerAlias',
    }) as ImageQuery['owner'],
    usage: checkedChoice(input.Usage, ['instance', 'none'], undefined, {
      code: 'InvalidUsage',
      httpStatus: 404,
      parameter: 'Usage',
    }) as ImageQuery['usage'],
  };
  const nothing = findsNothing(input, caller.accountId, asked.owner);
  return {
    ...asked,
    filter: {
      accountId: caller.accountId,
      standing: asked.owner === 'others' ? 'received' : asked.owner === undefined ? 'both' : 'own',
      receivedFrom: input.ImageOwnerId === undefined ? undefined : String(input.ImageOwnerId),
      regionId,
      imageIds: nothing ? [] : checkedImageIds(input.ImageId),
      statuses: checkedStatuses(input),
      name: input.ImageName,
      family: input.ImageFamily,
      osType: checkedChoice(input.OSType, ['windows', 'linux'], undefined, {
        code: 'InvalidOSType',
        httpStatus: 404,
        parameter: 'OSType',
      }),
      architectures: checkedArchitectures(input),
      resourceGroupId: input.ResourceGroupId,
      snapshotId: input.SnapshotId,
      createdFromMs: times.fromMs,
      createdToMs: times.toMs,
      tags: checkedTagFilters(input.Tag),
    },
  };
}

/** The same conditions on a public image, which is Available always and has neither tags, snapshots nor resource group. */
export function matches(image: PublicImage, filter: ImageFilter): boolean {
  return (
    isAmong(filter.imageIds, image.imageId) &&
    isAmong(filter.statuses, 'Available') &&
    isAmong(filter.architectures, image.architecture) &&
    isOrAny(filter.name, image.name) &&
    isOrAny(filter.family, image.family) &&
    isOrAny(filter.osType, image.osType) &&
    image.createdMs >= (filter.createdFromMs ?? 0) &&
    image.createdMs <= (filter.createdToMs ?? Number.MAX_SAFE_INTEGER) &&
    filter.resourceGroupId === undefined &&
    filter.snapshotId === undefined &&
    (filter.tags ?? []).length === 0
  );
}

const isAmong = (wanted: readonly string[] | undefined, value: string): boolean => wanted?.includes(value) ?? true;
const isOrAny = (wanted: string | undefined, value: string): boolean => wanted === undefined || wanted === value;

/** Queries for what no image here is: published to everybody by its owner, of the marketplace, or without cloud-init. */
function findsNothing(input: DescribeImagesInput, accountId: string, owner: ImageQuery['owner']): boolean {
  return (
    input.IsPublic === true ||
    owner === 'marketplace' ||
    input.IsSupportCloudinit === false ||
    input.IsSupportIoOptimized === false ||
    (owner === 'self' && input.ImageOwnerId !== undefined && String(input.ImageOwnerId) !== accountId)
  );
}

/** One id, or several with commas between them. Empty text is no filter. */
function checkedImageIds(ids: string | undefined): readonly string[] | undefined {
  if (ids === undefined || ids === '') return undefined;
  const list = ids.split(',');
  if (list.length > IMAGE_IDS_MAX)
    throw new ApiError(
      'InvalidParamter',
      400,
      `ImageId can name at most ${IMAGE_IDS_MAX} images; ask in several calls.`,
    );
  return list;
}

/** By default Available ones alone; `ALL` finds each. `Usable` says the same in another way, and needs `Status` beside it. */
function checkedStatuses({ Status, Usable }: DescribeImagesInput): readonly string[] {
  if (Usable !== undefined && (Status === undefined || Status === ''))
    throw missing('Status', 'Usable is judged within the statuses that are named; ALL names each');
  const asked =
    Status === undefined || Status === ''
      ? ['Available']
      : Status === 'ALL'
        ? IMAGE_STATUSES
        : Status.split(',').map((status) => {
            const known = IMAGE_STATUSES.find((one) => one === status);
            if (known !== undefined) return known;
            throw new ApiError(
              'InvalidParamter',
              400,
              `Status is ALL, or some of ${IMAGE_STATUSES.join(', ')} with commas between them.`,
            );
          });
  return Usable === undefined
    ? asked
    : asked.filter((status) => isUsable(status as (typeof IMAGE_STATUSES)[number]) === Usable);
}

function checkedArchitectures({ Architecture }: DescribeImagesInput): readonly string[] | undefined {
  const asked = checkedChoice(Architecture, ARCHITECTURES, undefined, {
    code: 'InvalidArchitecture',
    httpStatus: 404,
    parameter: 'Architecture',
  });
  return asked === undefined ? undefined : [asked];
}

function malformed(parameter: string) {
  return { code: 'InvalidParamter', httpStatus: 400, parameter } as const;
}
