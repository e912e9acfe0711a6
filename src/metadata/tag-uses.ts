import type { Listed, Page } from './page.ts';
import type { Reader } from './reader.ts';
import type { Tag, TagFilter } from './tags.ts';

/** What can have tags: where its rows are, and in which status they are shown no more. */
const TAGGED = {
  disk: { table: 'disks', id: 'diskId', hidden: 'Deleting' },
  snapshot: { table: 'snapshots', id: 'snapshotId', hidden: 'deleting' },
  image: { table: 'images', id: 'imageId', hidden: '' },
} as const;

export type TaggedType = keyof typeof TAGGED;
export const TAGGED_TYPES = Object.keys(TAGGED) as readonly TaggedType[];

/** A tag, and how many resources of each type have it. */
export interface TagUse extends Tag {
  readonly uses: Readonly<Record<TaggedType, number>>;
}

/** What is counted; all given ones must match. */
export interface TagUseFilter {
  readonly accountId: string;
  readonly regionId: string;
  readonly type?: TaggedType | undefined;
  readonly resourceId?: string | undefined;
  /** Any of them; empty: all tags. */
  readonly tags: readonly TagFilter[];
}

/** The tags of an account's resources in a region, by key and value. @param page by number. */
export async function listTagUses(reader: Reader, filter: TagUseFilter, page: Page): Promise<Listed<TagUse>> {
  const [first, ...others] = filter.type === undefined ? TAGGED_TYPES : [filter.type];
  if (first === undefined) return { rows: [], totalCount: 0 };
  let counted = tagsOf(reader, filter, first);
  for (const type of others) counted = counted.unionAll(tagsOf(reader, filter, type));
  const grouped = reader.queries
    .selectFrom(counted.as('tagged'))
    .groupBy(['tagKey', 'tagValue'])
    .select((eb) => [
      'tagKey',
      'tagValue',
      ...TAGGED_TYPES.map((type) =>
        eb.fn.sum<number>(eb.case().when('type', '=', type).then(1).else(0).end()).as(`${type}Uses`),
      ),
    ]);
  const { count } = await reader.queries
    .selectFrom(grouped.as('uses'))
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  const found = (await grouped
    .orderBy('tagKey')
    .orderBy('tagValue')
    .limit(page.limit)
    .offset(page.kind === 'offset' ? page.offset : 0)
    .execute()) as readonly Readonly<Record<string, unknown>>[];
  return {
    rows: found.map((row) => ({
      key: String(row['tagKey']),
      value: String(row['tagValue']),
      uses: Object.fromEntries(TAGGED_TYPES.map((type) => [type, Number(row[`${type}Uses`])])) as TagUse['uses'],
    })),
    totalCount: Number(count),
  };
}

/** One row for each tag of each resource of the type. */
function tagsOf(reader: Reader, filter: TagUseFilter, type: TaggedType) {
  const { table, id, hidden }: { table: string; id: string; hidden: string } = TAGGED[type];
  let query = reader.queries
    .selectFrom('resourceTags')
    .innerJoin(`${table} as rows`, `rows.${id}`, 'resourceTags.resourceId')
    .where('rows.accountId', '=', filter.accountId)
    .where('rows.regionId', '=', filter.regionId)
    .where('rows.status', '!=', hidden)
    .select((eb) => ['tagKey', 'tagValue', eb.val(type as string).as('type')]);
  if (filter.resourceId !== undefined) query = query.where('resourceTags.resourceId', '=', filter.resourceId);
  if (filter.tags.length === 0) return query;
  return query.where((eb) =>
    eb.or(
      filter.tags.map(({ key, value }) =>
        value === undefined ? eb('tagKey', '=', key) : eb.and([eb('tagKey', '=', key), eb('tagValue', '=', value)]),
      ),
    ),
  );
}
