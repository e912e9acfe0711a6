import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { TagResourcesInput } from '../../../../src/api/generated/ecs.ts';
import { DescribeDisks } from '../../../../src/services/ecs/actions/DescribeDisks.ts';
import { TagResources } from '../../../../src/services/ecs/actions/TagResources.ts';
import { diskAndSnapshot, tag, tagsOf } from '../tags.ts';
import { ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, TestCloud } from '../test-cloud.ts';

const call = (cloud: TestCloud, input: Partial<TagResourcesInput>, asker = {}) =>
  cloud.call(
    TagResources(cloud.parts),
    { RegionId: REGION, ResourceType: 'disk', ResourceId: [], Tag: [{ Key: 'k', Value: 'v' }], ...input },
    asker,
  );

test('several disks get the tags, a key that is there the new value; filters find them by it', async () => {
  await using cloud = await TestCloud.open();
  const { diskId, snapshotId } = await diskAndSnapshot(cloud);
  const other = await cloud.createDisk({ Tag: [{ Key: 'env', Value: 'test' }] });
  assert.deepEqual(await tag(cloud, [diskId, other, other], { env: 'prod', team: '' }), {});
  for (const id of [diskId, other])
    assert.deepEqual(await tagsOf(cloud, { ResourceId: [id] }), [`${id} env=prod`, `${id} team=`]);
  const wanted = { RegionId: REGION, Tag: [{ Key: 'env', Value: 'test' }] };
  assert.equal((await cloud.call(DescribeDisks(cloud.parts), wanted)).TotalCount, 0);
  await tag(cloud, [snapshotId], { env: 'backup' }, 'snapshot');
  assert.deepEqual((await cloud.snapshot(snapshotId)).tags, [{ key: 'env', value: 'backup' }]);
});

test('all resources are tagged or none', async () => {
  await using cloud = await TestCloud.open();
  const { diskId, snapshotId } = await diskAndSnapshot(cloud);
  const elsewhere = await cloud.createDisk({ RegionId: OTHER_REGION, ZoneId: 'cn-beijing-a' });
  const foreign = await cloud.createDisk({}, { account: OTHER_ACCOUNT });
  for (const id of ['d-x', snapshotId, elsewhere, foreign]) {
    const both = () => call(cloud, { ResourceId: [diskId, id] });
    await cloud.refuses(both, 'InvalidResourceId.NotFound', 404);
  }
});

test('a resource has at most 20 tags, whenever they come', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  const many = (from: number, to: number) =>
    Object.fromEntries(Array.from({ length: to - from }, (_, n) => [`key-${from + n}`, 'v']));
  await tag(cloud, [diskId], many(0, 20));
  await cloud.refuses(() => tag(cloud, [diskId], many(20, 21)), 'QuotaExceed.Tags', 403);
  await tag(cloud, [diskId], { 'key-3': 'another value' });
});

test('refused requests answer their documented code and change nothing', async () => {
  await using cloud = await TestCloud.open();
  const ResourceId = [await cloud.createDisk()];
  const refused: readonly (readonly [Partial<TagResourcesInput>, string, number])[] = [
    [{ ResourceType: 'Disk' }, 'InvalidResourceType.NotFound', 404],
    [{ ResourceType: 'instance' }, 'InvalidResourceId.NotFound', 404],
    [{ RegionId: 'mars-1' }, 'InvalidRegionId.NotFound', 404],
    [{ ResourceId: Array.from({ length: 51 }, (_, n) => `d-${n}`) }, 'NumberExceed.ResourceIds', 400],
    [{ Tag: [] }, 'MissingParameter.Tags', 404],
    [{ Tag: Array.from({ length: 21 }, (_, n) => ({ Key: `k${n}` })) }, 'NumberExceed.Tags', 400],
    [{ Tag: [{ Key: 'acs:mine' }] }, 'InvalidTagKey.Malformed', 400],
    [{ Tag: [{ Key: 'k', Value: 'http://x' }] }, 'InvalidTagValue.Malformed', 400],
    [{ Tag: [{ Key: 'k' }, { Key: 'k' }] }, 'Duplicate.TagKey', 400],
  ];
  for (const [input, code, httpStatus] of refused)
    await cloud.refuses(() => call(cloud, { ResourceId, ...input }), code, httpStatus);
});

test('permission: ecs:TagResources on each resource', async () => {
  await using cloud = await TestCloud.open();
  const input = { RegionId: REGION, ResourceType: 'disk', ResourceId: ['d-1', 'd-2'] };
  assert.deepEqual(
    await TagResources(cloud.parts).access(cloud.callOf(input)),
    ['d-1', 'd-2'].map((id) => ({
      action: 'ecs:TagResources',
      resource: `acs:ecs:${REGION}:${ACCOUNT}:disk/${id}`,
    })),
  );
});
