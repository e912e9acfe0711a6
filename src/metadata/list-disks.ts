import { disks } from './disks.ts';
import type { Disk } from './disks.ts';
import { matchingResources } from './matching-resources.ts';
import type { ResourceFilter } from './matching-resources.ts';
import { newestFirst } from './newest-first.ts';
import type { Listed, Page } from './page.ts';
import type { Reader } from './reader.ts';

/** What DescribeDisks filters by; all given ones must match. Source: facts.md 3.5. */
export interface DiskFilter extends ResourceFilter {
  readonly zoneId?: string | undefined;
  /** Empty: nothing matches. */
  readonly diskIds?: readonly string[] | undefined;
  readonly instanceId?: string | undefined;
  readonly type?: 'data' | 'system' | undefined;
  readonly category?: string | undefined;
  readonly status?: string | undefined;
  readonly sourceSnapshotId?: string | undefined;
  readonly portable?: boolean | undefined;
  readonly deleteWithInstance?: boolean | undefined;
  readonly deleteAutoSnapshot?: boolean | undefined;
  readonly enableAutoSnapshot?: boolean | undefined;
  /** Has a snapshot policy, or has none. */
  readonly enableAutomatedSnapshotPolicy?: boolean | undefined;
  readonly autoSnapshotPolicyId?: string | undefined;
  readonly name?: string | undefined;
  readonly chargeType?: string | undefined;
  readonly multiAttach?: string | undefined;
  readonly resourceGroupId?: string | undefined;
  /** True: only encrypted ones. False and absent do not filter. */
  readonly encrypted?: boolean | undefined;
  readonly kmsKeyId?: string | undefined;
}

/** Newest first. Disks in `Deleting` are not listed. */
export async function listDisks(reader: Reader, filter: DiskFilter, page: Page): Promise<Listed<Disk>> {
  return await newestFirst(reader, disks, matchingDisks(reader, filter), 'diskId', page);
}

function matchingDisks(reader: Reader, filter: DiskFilter) {
  const query = matchingResources(reader, disks, 'diskId', filter, {
    hidden: 'Deleting',
    ids: filter.diskIds,
    equal: {
      zoneId: filter.zoneId,
      instanceId: filter.instanceId,
      type: filter.type,
      category: filter.category,
      status: filter.status,
      sourceSnapshotId: filter.sourceSnapshotId,
      portable: filter.portable,
      deleteWithInstance: filter.deleteWithInstance,
      deleteAutoSnapshot: filter.deleteAutoSnapshot,
      enableAutoSnapshot: filter.enableAutoSnapshot,
      autoSnapshotPolicyId: filter.autoSnapshotPolicyId,
      name: filter.name,
      chargeType: filter.chargeType,
      multiAttach: filter.multiAttach,
      resourceGroupId: filter.resourceGroupId,
      kmsKeyId: filter.kmsKeyId,
      encrypted: filter.encrypted === true ? true : undefined,
    },
  });
  if (filter.enableAutomatedSnapshotPolicy === undefined) return query;
  return query.where('rows.autoSnapshotPolicyId', filter.enableAutomatedSnapshotPolicy ? 'is not' : 'is', null);
}
