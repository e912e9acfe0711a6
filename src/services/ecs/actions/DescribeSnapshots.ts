import type { Action, Call } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { DescribeSnapshotsInput, DescribeSnapshotsOutput } from '../../../api/generated/ecs.ts';
import type { Database } from '../../../metadata/database.ts';
import { listDisksFromSnapshot } from '../../../metadata/disks.ts';
import { listImagesOfSnapshot } from '../../../metadata/images.ts';
import { listSnapshots, type Snapshot, type SnapshotFilter } from '../../../metadata/snapshots.ts';
import { ecsAccess } from '../access.ts';
import { VISIBLE_SNAPSHOT_STATUSES } from '../disk-lifecycle.ts';
import { checkedPage, pageOutput, type PageRules } from '../list-page.ts';
import { checkedChoice, checkedCreationTimes, checkedIdList } from '../query-filters.ts';
import { unknownRegion } from '../refusals.ts';
import { findRegion } from '../regions.ts';
import { checkedTagFilters } from '../resource-tags.ts';
import { diskOfSnapshotLink, snapshotView } from '../snapshot-view.ts';

/** Finds snapshots of the caller's account in one region. Source: facts.md 4.6; apis.md 0.1, DescribeSnapshots. */
export function DescribeSnapshots(deps: {
  readonly database: Database;
}): Action<DescribeSnapshotsInput, DescribeSnapshotsOutput> {
  return {
    product: 'ecs',
    name: 'DescribeSnapshots',
    access: ({ caller, regionId }) => [ecsAccess('ecs:DescribeSnapshots', caller, regionId, 'snapshot/*')],
    run: async (call) => {
      const { input, caller, regionId } = call;
      const rules: PageRules = {
        scope: `DescribeSnapshots ${caller.accountId} ${regionId}`,
        maxResults: (asked) => (asked >= 1 && asked <= 100 ? asked : undefined),
      };
      const page = checkedPage(input, rules);
      const filter = checkedFilter(call);
      if (input.DryRun === true) {
        throw new ApiError('DryRunOperation', 400, 'The request is valid; without DryRun it would list the snapshots.');
      }
      const listed = await listSnapshots(deps.database.read, filter, page);
      return {
        Snapshots: { Snapshot: await Promise.all(listed.rows.map((snapshot) => view(deps.database, snapshot))) },
        ...pageOutput(page, listed, rules),
      };
    },
  };
}

async function view(database: Database, snapshot: Snapshot) {
  const made = await listDisksFromSnapshot(database.read, snapshot.snapshotId);
  const images = await listImagesOfSnapshot(database.read, snapshot.snapshotId);
  const uses = [
    ...(images.length > 0 ? ['image'] : []),
    ...(made.some(({ status }) => status !== 'Deleting') ? ['disk'] : []),
  ];
  return snapshotView(snapshot, uses.join('_') || 'none');
}

function checkedFilter({ input, caller, regionId }: Call<DescribeSnapshotsInput>): SnapshotFilter {
  if (findRegion(regionId) === undefined) throw unknownRegion(regionId);
  const ids = checkedIdList('SnapshotIds', input.SnapshotIds, {
    malformed: { code: 'InvalidSnapshotIds.Malformed', httpStatus: 403 },
    tooMany: { code: 'InvalidSnapshotIds.Malformed', httpStatus: 400 },
  });
  const times = checkedCreationTimes(input.Filter);
  const usage = checkedChoice(input.Usage, ['image', 'disk', 'image_disk', 'none'], undefined, {
    code: 'InvalidUsage',
    httpStatus: 404,
    parameter: 'Usage',
  });
  const linkedDisk = checkedLink(input.SnapshotLinkId);
  const contradiction = linkedDisk !== undefined && input.DiskId !== undefined && linkedDisk !== input.DiskId;
  return {
    accountId: caller.accountId,
    regionId,
    snapshotIds: contradiction ? [] : ids,
    sourceDiskId: input.DiskId ?? linkedDisk,
    sourceInstanceId: input.InstanceId,
    sourceDiskType: checkedChoice(input.SourceDiskType?.toLowerCase(), ['system', 'data'], undefined, {
      code: 'InvalidSourceDiskType',
      httpStatus: 404,
      parameter: 'SourceDiskType',
    }) as 'system' | 'data' | undefined,
    name: input.SnapshotName,
    status: checkedChoice(input.Status, VISIBLE_SNAPSHOT_STATUSES, 'all', {
      code: 'InvalidStatus.NotFound',
      httpStatus: 404,
      parameter: 'Status',
    }),
    type: checkedChoice(input.SnapshotType, ['auto', 'user'], 'all', {
      code: 'InvalidSnapshotType.NotFound',
      httpStatus: 404,
      parameter: 'SnapshotType',
    }),
    category: checkedChoice(input.Category?.toLowerCase(), ['standard', 'flash', 'archive'], undefined, {
      code: 'InvalidSnapshotCategory.Malformed',
      httpStatus: 403,
      parameter: 'Category',
    }),
    usage: usage as SnapshotFilter['usage'],
    resourceGroupId: input.ResourceGroupId,
    encrypted: input.Encrypted === true ? true : undefined,
    kmsKeyId: input.KMSKeyId,
    createdFromMs: times.fromMs,
    createdToMs: times.toMs,
    tags: checkedTagFilters(input.Tag),
  };
}

function checkedLink(linkId: string | undefined): string | undefined {
  if (linkId === undefined) return undefined;
  const diskId = diskOfSnapshotLink(linkId);
  if (diskId === undefined) {
    throw new ApiError('InvalidSnapshotLinkId.NotFound', 404, `There is no snapshot chain ${linkId}.`);
  }
  return diskId;
}
