import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DeleteDisk } from '../../../../src/services/ecs/actions/DeleteDisk.ts';
import { DescribeTags } from '../../../../src/services/ecs/actions/DescribeTags.ts';
import { diskAndSnapshot, tag } from '../tags.ts';
import { ACCOUNT, OTHER_ACCOUNT, REGION, TestCloud } from '../test-cloud.ts';

async function usesOf(cloud: TestCloud, query: object = {}, asker = {}): Promise<readonly string[]> {
  const { Tags } = await cloud.call(DescribeTags(cloud.parts), { RegionId: REGION, ...query }, asker);
  return (Tags?.Tag ?? []).map(({ TagKey, TagValue, ResourceTypeCount: count }) => {
    return `${TagKey}=${TagValue} ${count?.Disk} ${count?.Snapshot}`;
  });
}

test('each tag is told once, with how many disks and snapshots have it', async () => {
  await using cloud = await TestCloud.open();
  const { diskId, snapshotId } = await diskAndSnapshot(cloud);
  const other = await cloud.createDisk();
  await tag(cloud, [diskId, other], { env: 'prod' });
  await tag(cloud, [diskId], { team: 'a' });
  await tag(cloud, [snapshotId], { env: 'prod' }, 'snapshot');
  assert.deepEqual(await usesOf(cloud), ['env=prod 2 1', 'team=a 1 0']);
  assert.deepEqual(await usesOf(cloud, { ResourceType: 'snapshot' }), ['env=prod 0 1']);
  assert.deepEqual(await usesOf(cloud, { ResourceType: 'instance' }), []);
  assert.deepEqual(await usesOf(cloud, { ResourceId: other }), ['env=prod 1 0']);
  assert.deepEqual(await usesOf(cloud, { Tag: [{ Key: 'team' }] }), ['team=a 1 0']);
  assert.deepEqual(await usesOf(cloud, { Tag: [{ Key: 'env', Value: 'test' }] }), []);
  assert.deepEqual(await usesOf(cloud, {}, { account: OTHER_ACCOUNT }), []);
  assert.deepEqual(await usesOf(cloud, { ResourceId: other }, { account: OTHER_ACCOUNT }), []);
  await cloud.call(DeleteDisk(cloud.parts), { DiskId: other });
  assert.deepEqual(await usesOf(cloud, { ResourceType: 'disk' }), ['env=prod 1 0', 'team=a 1 0']);
});

test('pages by number', async () => {
  await using cloud = await TestCloud.open();
  await tag(cloud, [await cloud.createDisk()], { a: '1', b: '2', c: '3' });
  const query = { RegionId: REGION, PageSize: 2, PageNumber: 2 };
  const { Tags, ...paging } = await cloud.call(DescribeTags(cloud.parts), query);
  assert.deepEqual(
    Tags?.Tag?.map((one) => one.TagKey),
    ['c'],
  );
  assert.deepEqual(paging, { PageNumber: 2, PageSize: 2, TotalCount: 3 });
  assert.equal((await cloud.call(DescribeTags(cloud.parts), { RegionId: REGION })).PageSize, 50);
});

test('refused queries, and the permission', async () => {
  await using cloud = await TestCloud.open();
  const refused: readonly (readonly [object, string, number])[] = [
    [{ ResourceType: 'x' }, 'InvalidResourceType.NotFound', 404],
    [{ RegionId: 'mars-1' }, 'InvalidRegionId.NotFound', 404],
    [{ PageSize: 101 }, 'InvalidParameter', 400],
    [{ Tag: Array.from({ length: 21 }, (_, n) => ({ Key: `k${n}` })) }, 'InvalidTagCount', 400],
  ];
  for (const [input, code, httpStatus] of refused) await cloud.refuses(() => usesOf(cloud, input), code, httpStatus);
  const resource = async (more: object) =>
    (await DescribeTags(cloud.parts).access(cloud.callOf({ RegionId: REGION, ...more })))[0]?.resource;
  assert.equal(await resource({}), `acs:ecs:${REGION}:${ACCOUNT}:*/*`);
  assert.equal(await resource({ ResourceType: 'disk' }), `acs:ecs:${REGION}:${ACCOUNT}:disk/*`);
});
