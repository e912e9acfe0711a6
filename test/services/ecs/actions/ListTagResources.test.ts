import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ListTagResources } from '../../../../src/services/ecs/actions/ListTagResources.ts';
import { diskAndSnapshot, tag, tagsOf } from '../tags.ts';
import { ACCOUNT, OTHER_ACCOUNT, REGION, TestCloud } from '../test-cloud.ts';

const list = (cloud: TestCloud, input: object) =>
  cloud.call(ListTagResources(cloud.parts), { RegionId: REGION, ResourceType: 'disk', ...input });

test('resources are found by id, by every tag that is asked for, and by type', async () => {
  await using cloud = await TestCloud.open();
  const { diskId, snapshotId } = await diskAndSnapshot(cloud);
  cloud.clock.now += 1_000;
  const other = await cloud.createDisk();
  await tag(cloud, [diskId], { env: 'prod', team: 'a' });
  await tag(cloud, [other], { env: 'prod' });
  await tag(cloud, [snapshotId], { env: 'prod' }, 'snapshot');
  const ofDisk = [`${diskId} env=prod`, `${diskId} team=a`];
  assert.deepEqual(await tagsOf(cloud), [`${other} env=prod`, ...ofDisk]);
  assert.deepEqual(await tagsOf(cloud, { ResourceId: [diskId, 'd-x', snapshotId] }), ofDisk);
  assert.deepEqual(await tagsOf(cloud, { Tag: [{ Key: 'env', Value: 'prod' }, { Key: 'team' }] }), ofDisk);
  assert.deepEqual(await tagsOf(cloud, { Tag: [{ Key: 'env', Value: 'test' }] }), []);
  assert.deepEqual(await tagsOf(cloud, { ResourceType: 'snapshot' }), [`${snapshotId} env=prod`]);
  assert.deepEqual(await tagsOf(cloud, { ResourceType: 'instance' }), []);
  assert.deepEqual(await tagsOf(cloud, {}, { account: OTHER_ACCOUNT }), []);
});

test('a page has the tags of 50 resources, and each resource is on one page', async () => {
  await using cloud = await TestCloud.open();
  const made = [];
  for (let n = 0; n < 51; n += 1) {
    cloud.clock.now += 1;
    made.push(await cloud.createDisk({ Tag: [{ Key: 'n', Value: `${n}` }] }));
  }
  const first = await list(cloud, {});
  assert.equal(first.TagResources?.TagResource?.length, 50);
  const { NextToken } = first;
  assert.ok(NextToken);
  const second = await list(cloud, { NextToken });
  assert.deepEqual([second.TagResources?.TagResource?.map((one) => one.ResourceId), second.NextToken], [[made[0]], '']);
  const elsewhere = () => list(cloud, { NextToken, ResourceType: 'snapshot' });
  await cloud.refuses(elsewhere, 'InvalidParameter', 400);
});

test('refused queries answer their documented code', async () => {
  await using cloud = await TestCloud.open();
  const refused: readonly (readonly [object, string, number])[] = [
    [{ ResourceType: 'disks' }, 'InvalidResourceType.NotFound', 404],
    [{ RegionId: 'mars-1' }, 'InvalidRegionId.NotFound', 404],
    [{ Tag: [{ Value: 'prod' }] }, 'InvalidParameter.TagValue', 400],
    [{ Tag: [{}] }, 'InvalidTag.Mismatch', 400],
    [{ Tag: Array.from({ length: 21 }, (_, n) => ({ Key: `k${n}` })) }, 'InvalidTagCount', 400],
    [{ ResourceId: Array.from({ length: 51 }, (_, n) => `d-${n}`) }, 'NumberExceed.ResourceIds', 400],
    [{ TagFilter: [{ TagKey: 'env*' }] }, 'UnsupportedParameter', 400],
  ];
  for (const [input, code, httpStatus] of refused) await cloud.refuses(() => list(cloud, input), code, httpStatus);
});

test('permission: on the resources that are named, else on all of the type', async () => {
  await using cloud = await TestCloud.open();
  const resourcesOf = async (more: object) => {
    const input = { RegionId: REGION, ResourceType: 'disk', ...more };
    return (await ListTagResources(cloud.parts).access(cloud.callOf(input))).map(({ resource }) => resource);
  };
  const arn = (id: string) => `acs:ecs:${REGION}:${ACCOUNT}:disk/${id}`;
  assert.deepEqual(await resourcesOf({}), [arn('*')]);
  assert.deepEqual(await resourcesOf({ ResourceId: ['d-1', 'd-2'] }), [arn('d-1'), arn('d-2')]);
});
