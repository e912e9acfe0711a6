import { ListTagResources } from '../../../src/services/ecs/actions/ListTagResources.ts';
import { TagResources } from '../../../src/services/ecs/actions/TagResources.ts';
import { REGION, type Asker, type TestCloud } from './test-cloud.ts';

/** A disk and a snapshot of it. */
export async function diskAndSnapshot(cloud: TestCloud) {
  const diskId = await cloud.createDisk();
  await cloud.useDisk(diskId);
  cloud.clock.now += 1_000;
  return { diskId, snapshotId: await cloud.createSnapshot(diskId) };
}

/** Tags by key, for disks unless told otherwise. */
export const tag = (cloud: TestCloud, ids: readonly string[], tags: Record<string, string>, type = 'disk') =>
  cloud.call(TagResources(cloud.parts), {
    RegionId: REGION,
    ResourceType: type,
    ResourceId: [...ids],
    Tag: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
  });

/** `id key=value` of everything that ListTagResources finds. */
export async function tagsOf(cloud: TestCloud, query: object = {}, asker: Asker = {}): Promise<readonly string[]> {
  const input = { RegionId: REGION, ResourceType: 'disk', ...query };
  const { TagResources: found } = await cloud.call(ListTagResources(cloud.parts), input, asker);
  return (found?.TagResource ?? []).map((one) => `${one.ResourceId} ${one.TagKey}=${one.TagValue}`);
}
