import type { EntityOf } from './columns.ts';
import { bytes, flag, integer, json, nullable, text } from './columns.ts';
import type { StoredPin } from './disks.ts';
import { matchingResources } from './matching-resources.ts';
import type { ResourceFilter } from './matching-resources.ts';
import { newestFirst } from './newest-first.ts';
import type { Listed, Page } from './page.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';
import { indexTags } from './tags.ts';
import type { Tag } from './tags.ts';
import { receivedStates } from './transfers.ts';

export type SnapshotStatus = 'progressing' | 'accomplished' | 'failed' | 'deleting';

export const snapshots = new SealedTable(
  'snapshots',
  {
    snapshotId: text(),
    accountId: text(),
    regionId: text(),
    sourceDiskId: text(),
    sourceDiskType: text<'data' | 'system'>(),
    /** The instance that the disk was attached to at that time. */
    sourceInstanceId: nullable(text()),
    name: text(),
    description: text(),
    type: text<'user' | 'auto'>(),
    category: text<'standard' | 'flash'>(),
    sizeGib: integer,
    status: text<SnapshotStatus>(),
    /** 0 to 100. */
    progress: integer,
    encrypted: flag,
    kmsKeyId: nullable(text()),
    suite: text<'aes-256-gcm' | 'sm4-gcm'>(),
    /** The source disk's data key, wrapped for the snapshot. */
    wrappedKey: bytes,
    wrappedBy: text<'kms' | 'root'>(),
    pin: nullable(json<StoredPin>()),
    /** Null: kept until deleted. */
    retentionDays: nullable(integer),
    resourceGroupId: nullable(text()),
    tags: json<readonly Tag[]>(),
    createdMs: integer,
    modifiedMs: integer,
  },
  ['snapshotId'],
);

export type Snapshot = EntityOf<typeof snapshots.columns>;

/** What DescribeSnapshots filters by; all given ones must match. Source: facts.md 4.6, apis.md DescribeSnapshots. */
export interface SnapshotFilter extends ResourceFilter {
  /** Empty: nothing matches. */
  readonly snapshotIds?: readonly string[] | undefined;
  readonly sourceDiskId?: string | undefined;
  readonly sourceInstanceId?: string | undefined;
  readonly sourceDiskType?: 'data' | 'system' | undefined;
  readonly name?: string | undefined;
  readonly status?: string | undefined;
  readonly type?: string | undefined;
  readonly category?: string | undefined;
  /** What was made from it: at least one image, at least one disk, both, or nothing. */
  readonly usage?: 'image' | 'disk' | 'image_disk' | 'none' | undefined;
  readonly resourceGroupId?: string | undefined;
  /** True: only encrypted ones. False and absent do not filter. */
  readonly encrypted?: boolean | undefined;
  readonly kmsKeyId?: string | undefined;
}

export const findSnapshot = (reader: Reader, snapshotId: string): Promise<Snapshot | undefined> =>
  snapshots.find(reader, { snapshotId });

/** Snapshots in one status, of all accounts: what an interrupted operation may have left. */
export const listSnapshotsByStatus = (reader: Reader, status: SnapshotStatus): Promise<Snapshot[]> =>
  snapshots.findAll(reader, { status });

/** Of one disk, oldest first. */
export const listSnapshotsOfDisk = (reader: Reader, sourceDiskId: string): Promise<Snapshot[]> =>
  snapshots.findAll(reader, { sourceDiskId }, ['createdMs', 'snapshotId']);

/** Newest first. Snapshots in `deleting` are not listed. */
export function listSnapshots(reader: Reader, filter: SnapshotFilter, page: Page): Promise<Listed<Snapshot>> {
  return newestFirst(reader, snapshots, matchingSnapshots(reader, filter), 'snapshotId', page);
}

function matchingSnapshots(reader: Reader, filter: SnapshotFilter) {
  const query = matchingResources(reader, snapshots, 'snapshotId', filter, {
    hidden: 'deleting',
    ids: filter.snapshotIds,
    equal: {
      sourceDiskId: filter.sourceDiskId,
      sourceInstanceId: filter.sourceInstanceId,
      sourceDiskType: filter.sourceDiskType,
      name: filter.name,
      status: filter.status,
      type: filter.type,
      category: filter.category,
      resourceGroupId: filter.resourceGroupId,
      kmsKeyId: filter.kmsKeyId,
      encrypted: filter.encrypted === true ? true : undefined,
    },
  });
  const { usage } = filter;
  if (usage === undefined) return query;
  const inDisks = reader.queries
    .selectFrom('disks')
    .select('sourceSnapshotId')
    .where('sourceSnapshotId', 'is not', null);
  const inImages = reader.queries.selectFrom('imageSnapshots').select('snapshotId');
  const isOrNot = (used: boolean) => (used ? 'in' : 'not in');
  const ofDisks = query.where('rows.snapshotId', isOrNot(usage === 'disk' || usage === 'image_disk'), inDisks as never);
  return ofDisks.where('rows.snapshotId', isOrNot(usage === 'image' || usage === 'image_disk'), inImages as never);
}

export async function insertSnapshot(transaction: Transaction, snapshot: Snapshot): Promise<void> {
  await snapshots.insert(transaction, snapshot);
  await indexTags(transaction, snapshot.snapshotId, snapshot.tags);
}

/** @throws {SystemError} kind `not-found`, code `ROW_NOT_FOUND`. */
export async function updateSnapshot(
  transaction: Transaction,
  snapshotId: string,
  changes: Partial<Omit<Snapshot, 'snapshotId'>>,
): Promise<Snapshot> {
  const snapshot = await snapshots.update(transaction, { snapshotId }, changes);
  if (changes.tags !== undefined) await indexTags(transaction, snapshotId, snapshot.tags);
  return snapshot;
}

export async function deleteSnapshot(transaction: Transaction, snapshotId: string): Promise<number> {
  await indexTags(transaction, snapshotId, []);
  await receivedStates.delete(transaction, { snapshotId });
  return await snapshots.delete(transaction, { snapshotId });
}
