import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RemoveTags } from '../../../../src/services/ecs/actions/RemoveTags.ts';
import { tag, tagsOf } from '../tags.ts';
import { ACCOUNT, OTHER_ACCOUNT, REGION, TestCloud } from '../test-cloud.ts';

const remove = (cloud: TestCloud, ResourceId: string, more: object, asker = {}) =>
  cloud.call(RemoveTags(cloud.parts), { RegionId: REGION, ResourceType: 'disk', ResourceId, ...more }, asker);

test('tags go by key, and one that is given with its value only if it has that value', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  await tag(cloud, [diskId], { a: '1', b: '2', c: '3' });
  const Tag = [{ Key: 'a' }, { Key: 'b', Value: '2' }, { Key: 'c', Value: 'other' }];
  assert.deepEqual(await remove(cloud, diskId, { Tag }), {});
  assert.deepEqual(await tagsOf(cloud), [`${diskId} c=3`]);
});

test('refused requests answer their documented code and change nothing', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  await tag(cloud, [diskId], { a: '1' });
  const Tag = [{ Key: 'a' }];
  const refused: readonly (readonly [object, string, number])[] = [
    [{}, 'InvalidTagCount', 400],
    [{ Tag: Array.from({ length: 21 }, (_, n) => ({ Key: `k${n}` })) }, 'InvalidTagCount', 400],
    [{ Tag, ResourceType: 'x' }, 'InvalidResourceType.NotFound', 404],
    [{ Tag, ResourceType: 'volume' }, 'InvalidResourceId.NotFound', 404],
  ];
  for (const [input, code, httpStatus] of refused)
    await cloud.refuses(() => remove(cloud, diskId, input), code, httpStatus);
  const foreign = () => remove(cloud, diskId, { Tag }, { account: OTHER_ACCOUNT });
  await cloud.refuses(foreign, 'InvalidResourceId.NotFound', 404);
});

test('permission: ecs:RemoveTags on the resource', async () => {
  await using cloud = await TestCloud.open();
  const input = { RegionId: REGION, ResourceType: 'disk', ResourceId: 'd-1' };
  assert.deepEqual(await RemoveTags(cloud.parts).access(cloud.callOf(input)), [
    { action: 'ecs:RemoveTags', resource: `acs:ecs:${REGION}:${ACCOUNT}:disk/d-1` },
  ]);
});
