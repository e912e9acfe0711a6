import type { Access, Call } from '../../api/action.ts';
import { ApiError } from '../../api/errors.ts';
import type { Database } from '../../metadata/database.ts';
import { findDisk, updateDisk } from '../../metadata/disks.ts';
import type { Reader } from '../../metadata/reader.ts';
import { findSnapshot, updateSnapshot } from '../../metadata/snapshots.ts';
import type { Tag } from '../../metadata/tags.ts';
import { ecsAccess } from './access.ts';
import { unknownRegion } from './refusals.ts';
import { findRegion } from './regions.ts';

/** What can have tags here. */
export type TaggedType = 'disk' | 'snapshot';

/** The reference's other types, of which there is nothing here. Source: SDK, TagResources, ResourceType. */
const EMPTY_TYPES = [
  'instance',
  'image',
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
  if (type === 'disk' || type === 'snapshot') return type;
  if (EMPTY_TYPES.includes(type)) return undefined;
  throw new ApiError('InvalidResourceType.NotFound', 404, 'ResourceType is disk or snapshot, in lower case.');
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

interface Owned {
  readonly accountId: string;
  readonly regionId: string;
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
      const owned = type === undefined ? undefined : await findTagged(transaction, type, id);
      if (owned?.accountId !== scope.accountId || owned.regionId !== scope.regionId)
        throw new ApiError('InvalidResourceId.NotFound', 404, `There is no ${id} in this account and region.`);
      const tags = change(owned.tags);
      if (type === 'disk') await updateDisk(transaction, id, { tags });
      else await updateSnapshot(transaction, id, { tags });
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

async function findTagged(reader: Reader, type: TaggedType, id: string): Promise<Owned | undefined> {
  if (type === 'disk') {
    const disk = await findDisk(reader, id);
    return disk?.status === 'Deleting' ? undefined : disk;
  }
  const snapshot = await findSnapshot(reader, id);
  return snapshot?.status === 'deleting' ? undefined : snapshot;
}
