import { disks } from './disks.ts';
import type { Disk } from './disks.ts';
import { newestFirst } from './newest-first.ts';
import type { Listed, Page } from './page.ts';
import type { Reader } from './reader.ts';
import { taggedWith } from './tags.ts';
import type { TagFilter } from './tags.ts';

/** What DescribeDisks filters by; all given ones must match. Source: facts.md 3.5. */
export interface DiskFilter {
  readonly accountId: string;
  readonly regionId: string;
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
  readonly createdFromMs?: number | undefined;
  readonly createdToMs?: number | undefined;
  readonly tags?: readonly TagFilter[] | undefined;
}

/** Newest first. Disks in `Deleting` are not listed. */
export async function listDisks(reader: Reader, filter: DiskFilter, page: Page): Promise<Listed<Disk>> {
  return await newestFirst(reader, disks, matchingDisks(reader, filter), 'diskId', page);
}

function matchingDisks(reader: Reader, filter: DiskFilter) {
  let query = disks
    .select(reader)
    .where('rows.accountId', '=', filter.accountId)
    .where('rows.regionId', '=', filter.regionId)
    .where('rows.status', '!=', 'Deleting');
  if (filter.diskIds !== undefined) query = query.where('rows.diskId', 'in', filter.diskIds);
  const equal = {
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
  };
  for (const [column, value] of Object.entries(equal)) {
    const cell = typeof value === 'boolean' ? Number(value) : value;
    if (cell !== undefined) query = query.where(`rows.${column as 'name'}`, '=', cell as string);
  }
  if (filter.enableAutomatedSnapshotPolicy !== undefined) {
    query = query.where('rows.autoSnapshotPolicyId', filter.enableAutomatedSnapshotPolicy ? 'is not' : 'is', null);
  }
  if (filter.createdFromMs !== undefined) query = query.where('rows.createdMs', '>=', filter.createdFromMs);
  if (filter.createdToMs !== undefined) query = query.where('rows.createdMs', '<=', filter.createdToMs);
  for (const tag of filter.tags ?? []) query = query.where('rows.diskId', 'in', taggedWith(reader, tag) as never);
  return query;
}
