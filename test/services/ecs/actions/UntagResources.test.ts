import assert from 'node:assert/strict';
import { test } from 'node:test';

import { UntagResources } from '../../../../src/services/ecs/actions/UntagResources.ts';
import { diskAndSnapshot, tag, tagsOf } from '../tags.ts';
import { ACCOUNT, OTHER_ACCOUNT, REGION, TestCloud } from '../test-cloud.ts';

const untag = (cloud: TestCloud, ResourceId: readonly string[], more: object, asker = {}) =>
  cloud.call(
    UntagResources(cloud.parts),
    { RegionId: REGION, ResourceType: 'disk', ResourceId: [...ResourceId], ...more },
    asker,
  );

test('keys that are named go, and All takes the rest only where no key is named', async () => {
  await using cloud = await TestCloud.open();
  const { diskId, snapshotId } = await diskAndSnapshot(cloud);
  await tag(cloud, [diskId], { a: '1', b: '2', c: '3' });
  await tag(cloud, [snapshotId], { a: '1' }, 'snapshot');
  assert.deepEqual(await untag(cloud, [diskId], { TagKey: ['a', 'unknown'], All: true }), {});
  assert.deepEqual(await tagsOf(cloud), [`${diskId} b=2`, `${diskId} c=3`]);
  await untag(cloud, [diskId], { All: true });
  assert.deepEqual(await tagsOf(cloud), []);
  assert.deepEqual(await tagsOf(cloud, { ResourceType: 'snapshot' }), [`${snapshotId} a=1`]);
});

test('refused requests answer their documented code and change nothing', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  await tag(cloud, [diskId], { a: '1' });
  const refused: readonly (readonly [object, string, number])[] = [
    [{}, 'MissingParameter.Tags', 404],
    [{ All: false }, 'MissingParameter.Tags', 404],
    [{ TagKey: Array.from({ length: 21 }, (_, n) => `k${n}`) }, 'NumberExceed.Tags', 400],
    [{ ResourceType: 'x', All: true }, 'InvalidResourceType.NotFound', 404],
    [{ ResourceId: [diskId, 'd-x'], All: true }, 'InvalidResourceId.NotFound', 404],
  ];
  for (const [input, code, httpStatus] of refused)
    await cloud.refuses(() => untag(cloud, [diskId], input), code, httpStatus);
  const foreign = () => untag(cloud, [diskId], { All: true }, { account: OTHER_ACCOUNT });
  await cloud.refuses(foreign, 'InvalidResourceId.NotFound', 404);
});

test('permission: ecs:UntagResources on each resource', async () => {
  await using cloud = await TestCloud.open();
  const input = { RegionId: REGION, ResourceType: 'snapshot', ResourceId: ['s-1'] };
  assert.deepEqual(await UntagResources(cloud.parts).access(cloud.callOf(input)), [
    { action: 'ecs:UntagResources', resource: `acs:ecs:${REGION}:${ACCOUNT}:snapshot/s-1` },
  ]);
});
