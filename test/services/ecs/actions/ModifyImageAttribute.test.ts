import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ModifyImageAttributeInput } from '../../../../src/api/generated/ecs.ts';
import { findImage } from '../../../../src/metadata/images.ts';
import { insertImageShare } from '../../../../src/metadata/image-shares.ts';
import { ModifyImageAttribute } from '../../../../src/services/ecs/actions/ModifyImageAttribute.ts';
import { ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, refusal, REGION, TestCloud, type Asker } from '../test-cloud.ts';
import { putImage } from '../images/image-rows.ts';

const modify = (cloud: TestCloud, imageId: string, input: Partial<ModifyImageAttributeInput>, asker: Asker = {}) =>
  cloud.call(ModifyImageAttribute(cloud.parts), { RegionId: REGION, ImageId: imageId, ...input }, asker);

const imageOf = async (cloud: TestCloud, imageId: string) => {
  const image = await findImage(cloud.database.read, imageId);
  assert.ok(image !== undefined);
  return image;
};

test('name, description, family and boot mode change, each alone; an empty description removes it', async () => {
  await using cloud = await TestCloud.open();
  const imageId = await putImage(cloud, { name: 'before' });
  const before = await imageOf(cloud, imageId);
  await modify(cloud, imageId, { ImageName: 'after' });
  await modify(cloud, imageId, { Description: 'other words', ImageFamily: 'db' });
  await modify(cloud, imageId, { BootMode: 'BIOS' });
  const changed = { name: 'after', description: 'other words', family: 'db', bootMode: 'BIOS' };
  assert.deepEqual(await imageOf(cloud, imageId), { ...before, ...changed });
  await modify(cloud, imageId, { Description: '' });
  assert.equal((await imageOf(cloud, imageId)).description, '');
});

test('an image is deprecated and restored, and doing so twice is no error', async () => {
  await using cloud = await TestCloud.open();
  const imageId = await putImage(cloud);
  for (const status of ['Deprecated', 'Deprecated', 'Available', 'Available'] as const) {
    await modify(cloud, imageId, { Status: status });
    assert.equal((await imageOf(cloud, imageId)).status, status);
  }
});

test('refused requests answer their documented code and change nothing', async () => {
  await using cloud = await TestCloud.open();
  const imageId = await putImage(cloud, { name: 'one' });
  await putImage(cloud, { imageId: 'm-bp1000000000000000002', name: 'two' });
  const making = await putImage(cloud, { imageId: 'm-bp1000000000000000003', status: 'Creating' });
  const before = await imageOf(cloud, imageId);
  const refused: readonly (readonly [Partial<ModifyImageAttributeInput>, string, number])[] = [
    [{}, 'MissingParameter', 400],
    [{ ImageName: 'two' }, 'InvalidImageName.Duplicated', 400],
    [{ ImageName: '1x' }, 'InvalidImageName.Malformed', 400],
    [{ Description: 'x' }, 'InvalidDescription.Malformed', 400],
    [{ ImageFamily: 'aliyun' }, 'InvalidImageFamily.Malformed', 400],
    [{ BootMode: 'x' }, 'InvalidParameter', 400],
    [{ Status: 'Creating' }, 'InvalidParameter', 400],
    [{ Status: 'Deprecated', ImageName: 'two' }, 'InvalidImageName.Duplicated', 400],
    [{ Status: 'Deprecated', DryRun: true }, 'DryRunOperation', 400],
  ];
  for (const [input, code, httpStatus] of refused) {
    await refusal(modify(cloud, imageId, input), code, httpStatus);
    assert.deepEqual(await imageOf(cloud, imageId), before);
  }
  await refusal(modify(cloud, making, { Status: 'Deprecated' }), 'IncorrectImageStatus', 400);
  const foreign = modify(cloud, imageId, { ImageName: 'x1' }, { account: OTHER_ACCOUNT });
  await refusal(foreign, 'InvalidImageId.NotFound', 404);
  await refusal(modify(cloud, imageId, { ImageName: 'x1', RegionId: OTHER_REGION }), 'InvalidImageId.NotFound', 404);
  await modify(cloud, imageId, { ImageName: 'one' });
});

test('permission: ecs:ModifyImageAttribute on the image', async () => {
  await using cloud = await TestCloud.open();
  const call = cloud.callOf({ RegionId: REGION, ImageId: 'm-1' });
  assert.deepEqual(await ModifyImageAttribute(cloud.parts).access(call), [
    { action: 'ecs:ModifyImageAttribute', resource: `acs:ecs:${REGION}:${ACCOUNT}:image/m-1` },
  ]);
});

test('an image that is shared is not deprecated', async () => {
  await using cloud = await TestCloud.open();
  const imageId = await putImage(cloud);
  const share = { imageId, accountId: OTHER_ACCOUNT, sharedMs: 1 };
  await cloud.database.transact((transaction) => insertImageShare(transaction, share));
  await refusal(modify(cloud, imageId, { Status: 'Deprecated' }), 'ImageUseShared', 403);
  assert.equal((await imageOf(cloud, imageId)).status, 'Available');
});
