import type { Listed, Page } from './page.ts';
import type { Reader } from './reader.ts';
import type { Tag, TagFilter } from './tags.ts';

/** A tag, and how many resources have it. */
export interface TagUse extends Tag {
  readonly disks: number;
  readonly snapshots: number;
}

/** What is counted; all given ones must match. */
export interface TagUseFilter {
  readonly accountId: string;
  readonly regionId: string;
  readonly type?: 'disk' | 'snapshot' | undefined;
  readonly resourceId?: string | undefined;
  /** Any of them; empty: all tags. */
  readonly tags: readonly TagFilter[];
}

/** The tags of an account's disks and snapshots in a region, by key and value. @param page by number. */
export async function listTagUses(reader: Reader, filter: TagUseFilter, page: Page): Promise<Listed<TagUse>> {
  let counted = reader.queries
    .selectFrom('resourceTags')
    .leftJoin('disks', 'disks.diskId', 'resourceTags.resourceId')
    .leftJoin('snapshots', 'snapshots.snapshotId', 'resourceTags.resourceId')
    .where((eb) =>
      eb.or(
        TABLES.filter(({ type }) => filter.type === undefined || filter.type === type).map(({ table, hidden }) =>
          eb.and([
            eb(`${table}.accountId`, '=', filter.accountId),
            eb(`${table}.regionId`, '=', filter.regionId),
            eb(`${table}.status`, '!=', hidden),
          ]),
        ),
      ),
    );
  if (filter.resourceId !== undefined) counted = counted.where('resourceTags.resourceId', '=', filter.resourceId);
  if (filter.tags.length > 0)
    counted = counted.where((eb) =>
      eb.or(
        filter.tags.map(({ key, value }) =>
          value === undefined ? eb('tagKey', '=', key) : eb.and([eb('tagKey', '=', key), eb('tagValue', '=', value)]),
        ),
      ),
    );
  const grouped = counted
    .groupBy(['tagKey', 'tagValue'])
    .select((eb) => [
      'tagKey',
      'tagValue',
      eb.fn.count<number>('disks.diskId').as('disks'),
      eb.fn.count<number>('snapshots.snapshotId').as('snapshots'),
    ]);
  const { count } = await reader.queries
    .selectFrom(grouped.as('uses'))
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  const found = await grouped
    .orderBy('tagKey')
    .orderBy('tagValue')
    .limit(page.limit)
    .offset(page.kind === 'offset' ? page.offset : 0)
    .execute();
  return {
    rows: found.map(({ tagKey, tagValue, disks, snapshots }) => ({
      key: String(tagKey),
      value: String(tagValue),
      disks: Number(disks),
      snapshots: Number(snapshots),
    })),
    totalCount: Number(count),
  };
}

const TABLES = [
  { type: 'disk', table: 'disks', hidden: 'Deleting' },
  { type: 'snapshot', table: 'snapshots', hidden: 'deleting' },
] as const;
