import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { DescribeImagesInput } from '../../../../src/api/generated/ecs.ts';
import { updateImage } from '../../../../src/metadata/images.ts';
import { DescribeImages } from '../../../../src/services/ecs/actions/DescribeImages.ts';
import { usableImage } from '../../../../src/services/ecs/images/image-use.ts';
import { refusal, REGION, type TestCloud } from '../test-cloud.ts';
import {
  makeImage,
  makeSharedImage,
  openSharingCloud,
  RECEIVER,
  share,
  SHARER,
  SHARING_REGION,
  withdrawRole,
} from './sharing-cloud.ts';

const use = (cloud: TestCloud, imageId: string, accountId = RECEIVER, region = SHARING_REGION) =>
  usableImage(cloud.parts, { accountId }, region, imageId, 'instance');

async function seen(cloud: TestCloud, query: Partial<DescribeImagesInput> = {}, account = RECEIVER) {
  const { Images, TotalCount } = await cloud.call(
    DescribeImages(cloud.parts),
    { RegionId: SHARING_REGION, ...query },
    { account },
  );
  const found = (Images?.Image ?? []).filter(({ ImageOwnerAlias }) => ImageOwnerAlias !== 'system');
  return { found, ids: found.map(({ ImageId }) => ImageId), TotalCount };
}

test('M20: a receiver finds the image with its owner, and none of what is its owner’s business', async () => {
  await using cloud = await openSharingCloud();
  const { imageId } = await makeSharedImage(cloud);
  await cloud.database.transact((transaction) =>
    updateImage(transaction, imageId, { tags: [{ key: 'secret', value: 'x' }] }),
  );
  const [image] = (await seen(cloud)).found;
  assert.deepEqual(
    [image?.ImageId, image?.ImageOwnerAlias, image?.ImageOwnerId, image?.IsSelfShared],
    [imageId, 'others', Number(SHARER), ''],
  );
  assert.deepEqual(image?.Tags?.Tag, []);
  const [mapping] = image?.DiskDeviceMappings?.DiskDeviceMapping ?? [];
  assert.deepEqual([mapping?.Encrypted, mapping?.SnapshotId], [true, '']);
  const [own] = (await seen(cloud, {}, SHARER)).found;
  assert.deepEqual([own?.ImageOwnerAlias, own?.IsSelfShared], ['self', 'true']);
});

test('a receiver finds it by id, by being of others, and by owner; not by tags or snapshots, and not elsewhere', async () => {
  await using cloud = await openSharingCloud();
  const { imageId } = await makeSharedImage(cloud);
  const tags = [{ key: 'secret', value: 'x' }];
  const { devices } = await cloud.database.transact((transaction) => updateImage(transaction, imageId, { tags }));
  const own = await makeImage(cloud, { keyId: null, account: RECEIVER });
  assert.deepEqual((await seen(cloud, { ImageId: imageId })).ids, [imageId]);
  assert.deepEqual((await seen(cloud, { ImageOwnerAlias: 'others' })).ids, [imageId]);
  assert.deepEqual((await seen(cloud, { ImageOwnerAlias: 'self' })).ids, [own]);
  assert.deepEqual(new Set((await seen(cloud)).ids), new Set([imageId, own]));
  assert.deepEqual((await seen(cloud, { ImageOwnerAlias: 'others', ImageOwnerId: Number(SHARER) })).ids, [imageId]);
  assert.deepEqual((await seen(cloud, { ImageOwnerAlias: 'others', ImageOwnerId: Number(RECEIVER) })).ids, []);
  assert.deepEqual((await seen(cloud, { Tag: [{ Key: 'secret' }] })).ids, []);
  assert.deepEqual((await seen(cloud, { SnapshotId: devices[0]?.snapshotId ?? '' })).ids, []);
  assert.deepEqual((await seen(cloud, { RegionId: REGION })).ids, []);
  assert.deepEqual((await seen(cloud, { Tag: [{ Key: 'secret' }] }, SHARER)).ids, [imageId]);
});

test('M25: after unsharing it is found no more', async () => {
  await using cloud = await openSharingCloud();
  const { imageId } = await makeSharedImage(cloud);
  await share(cloud, imageId, { RemoveAccount: [RECEIVER] });
  for (const query of [{}, { ImageId: imageId }, { ImageOwnerAlias: 'others' }, { Status: 'ALL' }])
    assert.deepEqual((await seen(cloud, query)).ids, [], JSON.stringify(query));
  await refusal(use(cloud, imageId), 'InvalidImageId.NotFound', 404);
  assert.deepEqual(
    (await seen(cloud, {}, SHARER)).found.map(({ IsSelfShared }) => IsSelfShared),
    ['false'],
  );
});

test('M28: with its key disabled or the role withdrawn it stays in sight', async () => {
  await using cloud = await openSharingCloud();
  const { imageId, keyId } = await makeSharedImage(cloud);
  await cloud.kms.keys.disable({ accountId: SHARER, regionId: SHARING_REGION }, keyId);
  assert.deepEqual((await seen(cloud)).ids, [imageId]);
  await withdrawRole(cloud);
  assert.deepEqual((await seen(cloud)).ids, [imageId]);
});

test('whoever it is shared with may use it where it is; for everybody else it does not exist', async () => {
  await using cloud = await openSharingCloud();
  const { imageId } = await makeSharedImage(cloud);
  const { origin, image, devices } = await use(cloud, imageId);
  assert.deepEqual([origin, image.imageId, devices[0]?.snapshot?.accountId], ['shared', imageId, SHARER]);
  assert.equal((await use(cloud, imageId, SHARER)).origin, 'own');
  const stranger = '3000000000000001';
  const missing = await refusal(use(cloud, 'm-2ze09999999999999999', stranger), 'InvalidImageId.NotFound', 404);
  const foreign = await refusal(use(cloud, imageId, stranger), 'InvalidImageId.NotFound', 404);
  assert.equal(foreign.message.replace(imageId, '…'), missing.message.replace('m-2ze09999999999999999', '…'));
  assert.deepEqual((await seen(cloud, { ImageId: imageId }, stranger)).ids, []);
  await refusal(use(cloud, imageId, RECEIVER, REGION), 'InvalidImageId.NotFound', 404);
});

test('a share that somebody wrote into the database is not believed', async () => {
  await using cloud = await openSharingCloud();
  const imageId = await makeImage(cloud, { keyId: null });
  await cloud.database.transact(async ({ queries }) => {
    const forged = { imageId, accountId: RECEIVER, sharedMs: 1, mac: new Uint8Array(36) };
    await queries.insertInto('imageShares').values(forged).execute();
  });
  await assert.rejects(seen(cloud), { kind: 'corrupt', code: 'ROW_ALTERED' });
  await assert.rejects(use(cloud, imageId), { kind: 'corrupt', code: 'ROW_ALTERED' });
});
