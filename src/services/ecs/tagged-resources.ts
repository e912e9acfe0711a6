import type { Access, Call } from '../../api/action.ts';
import { ApiError } from '../../api/errors.ts';
import type { Database } from '../../metadata/database.ts';
import { findDisk, updateDisk, type Disk } from '../../metadata/disks.ts';
import { findImage, updateImage, type Image } from '../../metadata/images.ts';
import { listDisks } from '../../metadata/list-disks.ts';
import { listImages } from '../../metadata/list-images.ts';
import type { Listed, Page } from '../../metadata/page.ts';
import type { Reader, Transaction } from '../../metadata/reader.ts';
import { findSnapshot, listSnapshots, updateSnapshot, type Snapshot } from '../../metadata/snapshots.ts';
import { TAGGED_TYPES, type TaggedType } from '../../metadata/tag-uses.ts';
import type { Tag, TagFilter } from '../../metadata/tags.ts';
import { ecsAccess } from './access.ts';
import { unknownRegion } from './refusals.ts';
import { findRegion } from './regions.ts';

export type { TaggedType };

/** The reference's other types, of which there is nothing here. Source: SDK, TagResources, ResourceType. */
const EMPTY_TYPES = [
  'instance',
  'securitygroup',
  'volume',
  'eni',
  'ddh',
  'ddhcluster',
  'keypair',
  'launchtemplate',
  'reservedinstance',
  'snapshotpolicy',
  'elasticityassurance',
  'capacityreservation',
  'command',
  'invocation',
  'activation',
  'managedinstance',
];
const IDS_MAX = 50;
/** Tags of one resource. Source: facts.md section 9. */
const TAGS_MAX = 20;

/** Undefined: a type of which there is nothing here. @throws {ApiError} InvalidResourceType.NotFound. */
export function checkedType(type: string): TaggedType | undefined {
  const tagged = TAGGED_TYPES.find((one) => one === type);
  if (tagged !== undefined) return tagged;
  if (EMPTY_TYPES.includes(type)) return undefined;
  throw new ApiError(
    'InvalidResourceType.NotFound',
    404,
    `ResourceType is one of ${TAGGED_TYPES.join(', ')}, in lower case.`,
  );
}

/** @throws {ApiError} NumberExceed.ResourceIds. */
export function checkedIds(ids: readonly string[]): readonly string[] {
  if (ids.length > IDS_MAX)
    throw new ApiError('NumberExceed.ResourceIds', 400, `One call can name at most ${IDS_MAX} resources.`);
  return [...new Set(ids)];
}

/** The permission on each resource that is named, or on all of the type. */
export function taggedAccess(
  action: string,
  { caller, regionId }: Pick<Call<never>, 'caller' | 'regionId'>,
  type: string,
  ids: readonly string[] | undefined,
): readonly Access[] {
  return [...new Set(ids ?? ['*'])].map((id) => ecsAccess(action, caller, regionId, `${type}/${id}`));
}

/** @throws {ApiError} InvalidRegionId.NotFound. */
export function checkedScope({ caller, regionId }: Pick<Call<never>, 'caller' | 'regionId'>) {
  if (findRegion(regionId) === undefined) throw unknownRegion(regionId);
  return { accountId: caller.accountId, regionId };
}

interface Owner {
  readonly accountId: string;
  readonly regionId: string;
}

interface Owned extends Owner {
  readonly tags: readonly Tag[];
}

/**
 * Gives resources other tags: all of them or none.
 * @param change answers the tags that a resource has from then on.
 * @throws {ApiError} InvalidResourceId.NotFound, and what `change` throws.
 */
export function changeTags(
  database: Database,
  scope: ReturnType<typeof checkedScope>,
  { type, ids }: { readonly type: TaggedType | undefined; readonly ids: readonly string[] },
  change: (tags: readonly Tag[]) => readonly Tag[],
): Promise<void> {
  return database.transact(async (transaction) => {
    for (const id of ids) {
      const owned = type === undefined ? undefined : await TAGGED[type].find(transaction, id);
      if (owned?.accountId !== scope.accountId || owned.regionId !== scope.regionId)
        throw new ApiError('InvalidResourceId.NotFound', 404, `There is no ${id} in this account and region.`);
      const tags = change(owned.tags);
      if (type !== undefined) await TAGGED[type].update(transaction, id, { tags });
    }
  });
}

/** Those of `tags` with other keys, then `added`. @throws {ApiError} `quota`. */
export function withTags(
  tags: readonly Tag[],
  added: readonly Tag[],
  quota: { readonly code: string; readonly httpStatus: number },
): readonly Tag[] {
  const next = [...tags.filter(({ key }) => !added.some((tag) => tag.key === key)), ...added];
  if (next.length <= TAGS_MAX) return next;
  throw new ApiError(quota.code, quota.httpStatus, `A resource can carry at most ${TAGS_MAX} tags; remove some first.`);
}

/** Finds and changes what can have tags; what is shown no more is not found. */
const TAGGED: Readonly<Record<TaggedType, TaggedKind>> = {
  disk: {
    find: async (reader, id) => shownUnless('Deleting', await findDisk(reader, id)),
    update: updateDisk,
    list: ({ reader, ids, page, ...filter }) => listDisks(reader, { ...filter, diskIds: ids }, page),
    idOf: (row) => (row as Disk).diskId,
  },
  snapshot: {
    find: async (reader, id) => shownUnless('deleting', await findSnapshot(reader, id)),
    update: updateSnapshot,
    list: ({ reader, ids, page, ...filter }) => listSnapshots(reader, { ...filter, snapshotIds: ids }, page),
    idOf: (row) => (row as Snapshot).snapshotId,
  },
  image: {
    find: findImage,
    update: updateImage,
    list: ({ reader, ids, page, ...filter }) => listImages(reader, { ...filter, imageIds: ids }, page),
    idOf: (row) => (row as Image).imageId,
  },
};

interface TaggedKind {
  readonly find: (reader: Reader, id: string) => Promise<Owned | undefined>;
  readonly update: (transaction: Transaction, id: string, changes: { readonly tags: readonly Tag[] }) => Promise<Owned>;
  readonly list: (request: TaggedList) => Promise<Listed<Owned>>;
  readonly idOf: (row: Owned) => string;
}

/** Which resources of a type are listed; without `ids`, all. */
interface TaggedList extends Owner {
  readonly reader: Reader;
  readonly ids: readonly string[] | undefined;
  readonly tags: readonly TagFilter[];
  readonly page: Page;
}

/** The resources with their ids, newest first. */
export async function listTagged(
  type: TaggedType,
  request: TaggedList,
): Promise<Listed<{ readonly id: string; readonly tags: readonly Tag[] }>> {
  const listed = await TAGGED[type].list(request);
  return { ...listed, rows: listed.rows.map((row) => ({ id: TAGGED[type].idOf(row), tags: row.tags })) };
}

function shownUnless<T extends { readonly status: string }>(hidden: string, row: T | undefined): T | undefined {
  return row?.status === hidden ? undefined : row;
}
