import type { Cell } from './columns.ts';
import { images } from './images.ts';
import type { Image } from './images.ts';
import { newestFirst } from './newest-first.ts';
import type { Listed, Page } from './page.ts';
import type { Reader } from './reader.ts';
import type { Selection } from './table.ts';
import { taggedWith } from './tags.ts';
import type { TagFilter } from './tags.ts';

/** What DescribeImages filters by; all given ones must match. Source: apis.md, DescribeImages. */
export interface ImageFilter {
  readonly accountId: string;
  /** Those that the account owns, those of others that are shared with it, or both. Default `own`. */
  readonly standing?: 'own' | 'received' | 'both' | undefined;
  /** Received ones of this account alone. */
  readonly receivedFrom?: string | undefined;
  readonly regionId: string;
  /** Empty: nothing matches. */
  readonly imageIds?: readonly string[] | undefined;
  /** Empty: nothing matches. */
  readonly statuses?: readonly string[] | undefined;
  readonly name?: string | undefined;
  readonly family?: string | undefined;
  readonly osType?: string | undefined;
  readonly architectures?: readonly string[] | undefined;
  readonly resourceGroupId?: string | undefined;
  /** A disk of the image is made from it. */
  readonly snapshotId?: string | undefined;
  readonly createdFromMs?: number | undefined;
  readonly createdToMs?: number | undefined;
  readonly tags?: readonly TagFilter[] | undefined;
}

/** The table, for the conditions alone. */
type Rows = Selection<Record<string, { encode(value: never): Cell; decode(stored: never): unknown }>>;

/** Newest first. */
export function listImages(reader: Reader, filter: ImageFilter, page: Page): Promise<Listed<Image>> {
  return newestFirst(reader, images, matchingImages(reader, filter), 'imageId', page);
}

function matchingImages(reader: Reader, filter: ImageFilter): Selection<typeof images.columns> {
  let query = matchingOwners(reader, filter).where('rows.regionId', '=', filter.regionId as never);
  const lists = { imageId: filter.imageIds, status: filter.statuses, architecture: filter.architectures };
  for (const [column, values] of Object.entries(lists))
    if (values !== undefined) query = query.where(`rows.${column}`, 'in', values as never);
  const { name, family, osType, resourceGroupId } = filter;
  for (const [column, value] of Object.entries({ name, family, osType, resourceGroupId }))
    if (value !== undefined) query = query.where(`rows.${column}`, '=', value as never);
  if (filter.snapshotId !== undefined) {
    const of = reader.queries
      .selectFrom('imageSnapshots')
      .select('imageId')
      .where('snapshotId', '=', filter.snapshotId);
    query = query.where('rows.imageId', 'in', of as never);
  }
  if (filter.createdFromMs !== undefined) query = query.where('rows.createdMs', '>=', filter.createdFromMs as never);
  if (filter.createdToMs !== undefined) query = query.where('rows.createdMs', '<=', filter.createdToMs as never);
  for (const tag of filter.tags ?? []) query = query.where('rows.imageId', 'in', taggedWith(reader, tag) as never);
  return query as unknown as Selection<typeof images.columns>;
}

/** Tags, snapshots and resource groups are the owner's business, and find nothing of somebody else's. */
function matchingOwners(reader: Reader, filter: ImageFilter): Rows {
  const { accountId, standing = 'own', receivedFrom, tags = [], snapshotId, resourceGroupId } = filter;
  const rows = images.select(reader) as unknown as Rows;
  const own = ['rows.accountId', '=', accountId as never] as const;
  if (standing === 'own') return rows.where(...own);
  if (tags.length > 0 || snapshotId !== undefined || resourceGroupId !== undefined)
    return standing === 'both' ? rows.where(...own) : rows.where('rows.imageId', 'in', [] as never);
  const shares = reader.queries.selectFrom('imageShares').select('imageId').where('accountId', '=', accountId);
  return rows.where((eb) => {
    const received = [
      eb('rows.accountId', '!=', accountId as never),
      eb('rows.imageId', 'in', shares as never),
      ...(receivedFrom === undefined ? [] : [eb('rows.accountId', '=', receivedFrom as never)]),
    ];
    return standing === 'both' ? eb.or([eb(...own), eb.and(received)]) : eb.and(received);
  });
}
