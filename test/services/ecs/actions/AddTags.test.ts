import assert from 'node:assert/strict';
import { test } from 'node:test';

import { AddTags } from '../../../../src/services/ecs/actions/AddTags.ts';
import { tag, tagsOf } from '../tags.ts';
import { ACCOUNT, OTHER_ACCOUNT, REGION, TestCloud } from '../test-cloud.ts';

const add = (cloud: TestCloud, ResourceId: string, more: object, asker = {}) =>
  cloud.call(AddTags(cloud.parts), { RegionId: REGION, ResourceType: 'disk', ResourceId, ...more }, asker);

test('one disk gets tags beside those that it has', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  await tag(cloud, [diskId], { a: '1', b: '2' });
  assert.deepEqual(await add(cloud, diskId, { Tag: [{ Key: 'a', Value: '3' }, { Key: 'c' }] }), {});
  assert.deepEqual(await tagsOf(cloud), [`${diskId} b=2`, `${diskId} a=3`, `${diskId} c=`]);
});

test('refused requests answer their documented code and change nothing', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  const many = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => ({ Key: `${prefix}${n}` }));
  await add(cloud, diskId, { Tag: many('k', 20) });
  const refused: readonly (readonly [object, string, number])[] = [
    [{}, 'InvalidTagCount', 400],
    [{ Tag: many('k', 21) }, 'InvalidTagCount', 400],
    [{ Tag: many('x', 1) }, 'OperationDenied.QuotaExceed', 400],
    [{ Tag: [{ Key: 'aliyun-x' }] }, 'InvalidTagKey.Malformed', 400],
    [{ Tag: many('k', 1), ResourceType: 'x' }, 'InvalidResourceType.NotFound', 404],
    [{ Tag: many('k', 1), ResourceId: 'd-x' }, 'InvalidResourceId.NotFound', 404],
  ];
  for (const [input, code, httpStatus] of refused)
    await cloud.refuses(() => add(cloud, diskId, input), code, httpStatus);
  const foreign = () => add(cloud, diskId, { Tag: many('k', 1) }, { account: OTHER_ACCOUNT });
  await cloud.refuses(foreign, 'InvalidResourceId.NotFound', 404);
});

test('permission: ecs:AddTags on the resource', async () => {
  await using cloud = await TestCloud.open();
  const input = { RegionId: REGION, ResourceType: 'disk', ResourceId: 'd-1' };
  assert.deepEqual(await AddTags(cloud.parts).access(cloud.callOf(input)), [
    { action: 'ecs:AddTags', resource: `acs:ecs:${REGION}:${ACCOUNT}:disk/d-1` },
  ]);
});
