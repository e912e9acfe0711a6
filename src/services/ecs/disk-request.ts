import { ApiError } from '../../api/errors.ts';
import type { CreateDiskInput } from '../../api/generated/ecs.ts';
import type { Snapshot } from '../../metadata/snapshots.ts';
import type { Tag } from '../../metadata/tags.ts';
import {
  DEFAULT_DISK_CATEGORY,
  DEFAULT_PERFORMANCE_LEVEL,
  DISK_CATEGORIES,
  hasPerformanceLevel,
  isDiskCategory,
  isPerformanceLevel,
  isRegional,
  PERFORMANCE_LEVELS,
  sizeRange,
  startsEmptyAlways,
  type PerformanceLevel,
} from './disk-categories.ts';
import { findRegion, type Region } from './regions.ts';
import { missing, unknownRegion, unknownZone, unsupported } from './refusals.ts';
import { checkedTags } from './resource-tags.ts';
import { checkedDescription, checkedName } from './resource-text.ts';

/** What CreateDisk asks for, apart from encryption, as far as it can be judged without looking anything up. */
export interface DiskRequest {
  readonly region: Region;
  /** '' for a regional disk. */
  readonly zoneId: string;
  readonly category: string;
  readonly performanceLevel: PerformanceLevel | undefined;
  readonly askedSizeGib: number | undefined;
  readonly snapshotId: string | undefined;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly Tag[];
}

/** Checks the parameters in the order of decisions.md B7: missing or malformed ones, then region and zone. */
export function checkedDiskRequest(input: CreateDiskInput, regionId: string): DiskRequest {
  refuseOtherForms(input);
  const category = checkedCategory(input.DiskCategory);
  if (input.SnapshotId === undefined && input.Size === undefined) {
    throw missing('Size', 'give Size, or SnapshotId, or both');
  }
  if (input.SnapshotId !== undefined && startsEmptyAlways(category)) {
    throw new ApiError(
      'OperationDenied.SnapshotNotAllowed',
      403,
      `A disk of category ${category} cannot be made from a snapshot; choose another category or leave SnapshotId out.`,
    );
  }
  if (input.Size !== undefined && (!Number.isSafeInteger(input.Size) || input.Size < 1)) {
    throw sizeRefused('Size must be a whole number of GiB, such as 20');
  }
  if (input.ZoneId === undefined && !isRegional(category)) {
    throw missing('ZoneId', 'DescribeZones lists the zones of the region');
  }
  const request = {
    category,
    performanceLevel: checkedPerformanceLevel(category, input.PerformanceLevel),
    askedSizeGib: input.Size,
    snapshotId: input.SnapshotId,
    name: checkedName('DiskName', input.DiskName, { code: 'InvalidDiskName.Malformed', httpStatus: 400 }),
    description: checkedDescription(input.Description, { code: 'InvalidDescription.Malformed', httpStatus: 400 }),
    tags: checkedTags(input.Tag),
  };
  const region = findRegion(regionId);
  if (region === undefined) throw unknownRegion(regionId);
  if (input.ZoneId !== undefined && !region.zoneIds.includes(input.ZoneId)) {
    throw unknownZone(input.ZoneId, regionId, 404);
  }
  return { ...request, region, zoneId: isRegional(category) ? '' : (input.ZoneId ?? '') };
}

/**
 * The size of the disk: what was asked for, raised to the snapshot's own when that is larger (decisions.md B12).
 * @throws {ApiError} InvalidDataDiskSize.ValueNotSupported: the category or performance level does not have it.
 */
export function checkedSizeGib(request: DiskRequest, snapshot: Snapshot | undefined): number {
  const { category, performanceLevel } = request;
  const sizeGib = Math.max(request.askedSizeGib ?? 0, snapshot?.sizeGib ?? 0);
  const range = sizeRange(category, performanceLevel);
  if (range === undefined || sizeGib < range.minimumGiB || sizeGib > range.maximumGiB) {
    const of = performanceLevel === undefined ? category : `${category} at ${performanceLevel}`;
    throw sizeRefused(
      `A disk of category ${of} has ${range?.minimumGiB} to ${range?.maximumGiB} GiB, not ${sizeGib}; change Size or the category`,
    );
  }
  return sizeGib;
}

function checkedCategory(category: string | undefined): string {
  if (category === undefined) return DEFAULT_DISK_CATEGORY;
  if (!isDiskCategory(category)) {
    throw new ApiError(
      'InvalidDataDiskCategory.ValueNotSupported',
      400,
      `DiskCategory must be one of ${DISK_CATEGORIES.join(', ')}.`,
    );
  }
  return category;
}

function checkedPerformanceLevel(category: string, level: string | undefined): PerformanceLevel | undefined {
  if (!hasPerformanceLevel(category)) {
    if (level === undefined) return undefined;
    throw new ApiError(
      'InvalidPerformanceLevel.Malformed',
      400,
      `Only disks of category cloud_essd have a performance level; leave PerformanceLevel out for ${category}.`,
    );
  }
  if (level === undefined) return DEFAULT_PERFORMANCE_LEVEL;
  if (!isPerformanceLevel(level)) {
    throw new ApiError(
      'InvalidPerformanceLevel.Malformed',
      400,
      `PerformanceLevel must be one of ${PERFORMANCE_LEVELS.join(', ')}.`,
    );
  }
  return level;
}

/** Forms of the operation that this server does not have. Refused, because ignoring them would make another disk. */
function refuseOtherForms(input: CreateDiskInput): void {
  if (input.InstanceId !== undefined && input.ZoneId !== undefined) {
    throw new ApiError(
      'InvalidParameter.Conflict',
      400,
      'ZoneId and InstanceId exclude each other; give ZoneId for a pay-as-you-go disk.',
    );
  }
  if (input.InstanceId !== undefined) {
    throw unsupported('InstanceId', 'subscription disks do not exist here; give ZoneId for a pay-as-you-go disk');
  }
  if (input.MultiAttach !== undefined && input.MultiAttach !== 'Disabled') {
    if (input.MultiAttach !== 'Enabled') {
      throw new ApiError('InvalidParameter.MultiAttach', 403, 'MultiAttach must be Disabled or Enabled.');
    }
    throw unsupported('MultiAttach', 'a disk has one writer here');
  }
  if (input.BurstingEnabled === true) throw unsupported('BurstingEnabled', 'this server does not limit disks');
  if ((input.ProvisionedIops ?? 0) !== 0) throw unsupported('ProvisionedIops', 'this server does not limit disks');
  if (input.AdvancedFeatures !== undefined) throw unsupported('AdvancedFeatures', 'the vendor does not publish it');
  if (input.Arn !== undefined) throw unsupported('Arn', 'the vendor does not publish it');
  for (const name of ['StorageSetId', 'StorageSetPartitionNumber', 'StorageClusterId'] as const) {
    if (input[name] !== undefined) throw unsupported(name, 'there is one store; leave it out');
  }
  if (input.ResourceGroupId !== undefined) {
    throw new ApiError(
      'InvalidResourceGroup.NotFound',
      404,
      'There are no resource groups on this server; leave ResourceGroupId out.',
    );
  }
}

function sizeRefused(why: string): ApiError {
  return new ApiError('InvalidDataDiskSize.ValueNotSupported', 400, `${why}.`);
}
