import assert from 'node:assert/strict';
import { test } from 'node:test';

import { encodeOutput } from '../../../../src/api/encode.ts';
import { describeAction } from '../../../../src/api/products.ts';
import { DescribeImageFromFamily } from '../../../../src/services/ecs/actions/DescribeImageFromFamily.ts';
import { ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, refusal, REGION, TestCloud, type Asker } from '../test-cloud.ts';
import { putImage } from '../images/image-rows.ts';

const describe = (cloud: TestCloud, family: string, asker: Asker = {}) =>
  cloud.call(DescribeImageFromFamily(cloud.parts), { RegionId: REGION, ImageFamily: family }, asker);

test('the newest image of a family that is Available is answered, with every field that the operation has', async () => {
  await using cloud = await TestCloud.open();
  for (const [index, status] of (['Available', 'Available', 'Deprecated', 'Creating'] as const).entries()) {
    await putImage(cloud, { imageId: `m-bp100000000000000000${index}`, family: 'web', name: `web${index}`, status });
    cloud.clock.now += 1_000;
  }
  await putImage(cloud, { imageId: 'm-bp1000000000000000009', family: 'db' });
  const answer = await describe(cloud, 'web');
  assert.equal(answer.Image?.ImageId, 'm-bp1000000000000000001');
  const { response } = describeAction('ecs', 'DescribeImageFromFamily') ?? {};
  assert.ok(response !== undefined);
  const shown = encodeOutput('DescribeImageFromFamily', response, answer)['Image'];
  assert.deepEqual(Object.keys(shown as object), Object.keys((response as { Image: object }).Image));
});

test('a family without an image of one’s own that is Available answers none', async () => {
  await using cloud = await TestCloud.open();
  await putImage(cloud, { family: 'web' });
  assert.deepEqual(await describe(cloud, 'absent'), {});
  assert.deepEqual(await describe(cloud, 'web', { account: OTHER_ACCOUNT }), {});
  assert.deepEqual(await describe(cloud, 'web', { region: OTHER_REGION }), {});
});

test('refused queries, and the permission', async () => {
  await using cloud = await TestCloud.open();
  await refusal(describe(cloud, ''), 'MissingParameter', 400);
  await refusal(describe(cloud, 'web', { region: 'cn-nowhere' }), 'InvalidRegionId.NotFound', 404);
  const call = cloud.callOf({ RegionId: REGION, ImageFamily: 'web' });
  assert.deepEqual(await DescribeImageFromFamily(cloud.parts).access(call), [
    { action: 'ecs:DescribeImageFromFamily', resource: `acs:ecs:${REGION}:${ACCOUNT}:image/*` },
  ]);
});
