import type { Action, Call } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { DescribeDisksInput, DescribeDisksOutput } from '../../../api/generated/ecs.ts';
import type { Database } from '../../../metadata/database.ts';
import { listDisks, type DiskFilter } from '../../../metadata/list-disks.ts';
import { ecsAccess } from '../access.ts';
import { DISK_CATEGORIES } from '../disk-categories.ts';
import { VISIBLE_DISK_STATUSES } from '../disk-lifecycle.ts';
import { diskView, placementOf } from '../disk-view.ts';
import { checkedPage, pageOutput, type PageRules } from '../list-page.ts';
import { checkedChoice, checkedCreationTimes, checkedIdList } from '../query-filters.ts';
import { unknownZone, unsupported } from '../refusals.ts';
import { findRegion } from '../regions.ts';
import { checkedTagFilters } from '../resource-tags.ts';

/** Categories that nobody can make here, but that a query may name. Source: DescribeDisks. */
const LOCAL_CATEGORIES = ['local_ssd_pro', 'local_hdd_pro', 'ephemeral', 'ephemeral_ssd'];

/** Finds disks of the caller's account in one region. Source of filters and codes: facts.md 3.5; apis.md DescribeDisks. */
export function DescribeDisks(deps: { readonly database: Database }): Action<DescribeDisksInput, DescribeDisksOutput> {
  return {
    product: 'ecs',
    name: 'DescribeDisks',
    access: ({ caller, regionId }) => [ecsAccess('ecs:DescribeDisks', caller, regionId, 'disk/*')],
    run: async (call) => {
      const { input, caller, regionId } = call;
      const rules: PageRules = {
        scope: `DescribeDisks ${caller.accountId} ${regionId}`,
        maxResults: (asked) => Math.min(Math.max(asked, 10), 500),
      };
      const page = checkedPage(input, rules);
      const filter = checkedFilter(call);
      const withPlacement = checkedAttributes(input.AdditionalAttributes);
      if (input.DryRun === true) {
        throw new ApiError('DryRunOperation', 400, 'The request is valid; without DryRun it would list the disks.');
      }
      const listed = await listDisks(deps.database.read, filter, page);
      return {
        Disks: {
          Disk: listed.rows.map((disk) => ({
            ...diskView(disk),
            ...(withPlacement ? { Placement: placementOf(disk) } : {}),
          })),
        },
        ...pageOutput(page, listed, rules),
      };
    },
  };
}

function checkedFilter({ input, caller, regionId }: Call<DescribeDisksInput>): DiskFilter {
  const region = findRegion(regionId);
  if (region === undefined) {
    throw new ApiError('InvalidRegion.NotFound', 400, `There is no region ${regionId}; DescribeRegions lists them.`);
  }
  if (input.ZoneId !== undefined && !region.zoneIds.includes(input.ZoneId)) {
    throw unknownZone(input.ZoneId, regionId, 400);
  }
  const ids = checkedIdList('DiskIds', input.DiskIds, {
    malformed: { code: 'InvalidParameter.DiskIds', httpStatus: 400 },
    tooMany: { code: 'InvalidDiskIds.Malformed', httpStatus: 400 },
  });
  const times = checkedCreationTimes(input.Filter);
  const lockReason = checkedChoice(input.LockReason, ['financial', 'security'], undefined, {
    code: 'InvalidLockReason.NotFound',
    httpStatus: 404,
    parameter: 'LockReason',
  });
  return {
    accountId: caller.accountId,
    regionId,
    zoneId: input.ZoneId,
    // No disk is ever locked here, so a query for locked ones finds none.
    diskIds: lockReason === undefined ? ids : [],
    instanceId: input.InstanceId,
    type: checkedChoice(input.DiskType, ['system', 'data'], 'all', {
      code: 'InvalidDiskType.ValueNotSupported',
      httpStatus: 400,
      parameter: 'DiskType',
    }) as 'system' | 'data' | undefined,
    category: checkedChoice(input.Category, [...DISK_CATEGORIES, ...LOCAL_CATEGORIES], 'all', {
      code: 'InvalidCategory.ValueNotSupported',
      httpStatus: 400,
      parameter: 'Category',
    }),
    status: checkedChoice(input.Status, VISIBLE_DISK_STATUSES, 'All', {
      code: 'InvalidStatus.ValueNotSupported',
      httpStatus: 400,
      parameter: 'Status',
    }),
    sourceSnapshotId: input.SnapshotId,
    portable: input.Portable,
    deleteWithInstance: input.DeleteWithInstance,
    deleteAutoSnapshot: input.DeleteAutoSnapshot,
    enableAutoSnapshot: input.EnableAutoSnapshot,
    enableAutomatedSnapshotPolicy: input.EnableAutomatedSnapshotPolicy,
    autoSnapshotPolicyId: input.AutoSnapshotPolicyId,
    name: input.DiskName,
    chargeType: checkedChoice(input.DiskChargeType, ['PrePaid', 'PostPaid'], undefined, {
      code: 'InvalidDiskChargeType.NotFound',
      httpStatus: 404,
      parameter: 'DiskChargeType',
    }),
    multiAttach: checkedMultiAttach(input),
    resourceGroupId: input.ResourceGroupId,
    // `false` does not ask for unencrypted ones (facts.md 3.5).
    encrypted: input.Encrypted === true ? true : undefined,
    kmsKeyId: input.KMSKeyId,
    createdFromMs: times.fromMs,
    createdToMs: times.toMs,
    tags: checkedTagFilters(input.Tag),
  };
}

function checkedMultiAttach({ MultiAttach, EnableShared }: DescribeDisksInput): string | undefined {
  const asked = checkedChoice(MultiAttach, ['Disabled', 'Enabled', 'LegacyShared'], undefined, {
    code: 'InvalidParameter.MultiAttach',
    httpStatus: 403,
    parameter: 'MultiAttach',
  });
  if (EnableShared !== true) return asked;
  if (asked !== undefined && asked !== 'LegacyShared') {
    throw new ApiError(
      'InvalidParameter.MultiAttachAndEnableSharedNotMatch',
      403,
      'EnableShared asks for shared block storage and MultiAttach for something else; give only one of them.',
    );
  }
  return 'LegacyShared';
}

/** True when the placement of regional disks is asked for. */
function checkedAttributes(attributes: readonly string[] | undefined): boolean {
  for (const attribute of attributes ?? []) {
    if (attribute !== 'Placement' && attribute !== 'IOPS') {
      throw unsupported('AdditionalAttributes', `${attribute} is neither Placement nor IOPS`);
    }
  }
  return attributes?.includes('Placement') === true;
}
