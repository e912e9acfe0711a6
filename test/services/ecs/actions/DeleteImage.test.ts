import assert from 'node:assert/strict';
import { test } from 'node:test';

import { findImage, imageSnapshots } from '../../../../src/metadata/images.ts';
import { deleteImageShare, insertImageShare } from '../../../../src/metadata/image-shares.ts';
import { DeleteImage } from '../../../../src/services/ecs/actions/DeleteImage.ts';
import { ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, refusal, REGION, TestCloud, type Asker } from '../test-cloud.ts';
import { putImage } from '../images/image-rows.ts';

const remove = (cloud: TestCloud, imageId: string, input: object = {}, asker: Asker = {}) =>
  cloud.call(DeleteImage(cloud.parts), { RegionId: REGION, ImageId: imageId, ...input }, asker);

test('an image goes, and its snapshots stay', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const diskId = await cloud.createDisk({ Encrypted: true, KMSKeyId: keyId });
  await cloud.useDisk(diskId);
  const snapshotId = await cloud.createSnapshot(diskId);
  const devices = [{ device: '/dev/xvda', type: 'system', snapshotId, sizeGib: 20 }] as const;
  for (const status of ['Available', 'Deprecated', 'CreateFailed'] as const) {
    const imageId = await putImage(cloud, { devices, status });
    // C4: no key is needed.
    await cloud.disableKey(keyId);
    assert.deepEqual(await remove(cloud, imageId), {});
    assert.equal(await findImage(cloud.database.read, imageId), undefined);
    assert.deepEqual(await imageSnapshots.findAll(cloud.database.read, {}), []);
    await cloud.enableKey(keyId);
  }
  assert.equal((await cloud.snapshot(snapshotId)).status, 'accomplished');
  assert.deepEqual(cloud.plane.snapshotIds(diskId), [snapshotId]);
});

test('an image that is not there, or somebody else’s, is a success that does nothing', async () => {
  await using cloud = await TestCloud.open();
  const imageId = await putImage(cloud);
  assert.deepEqual(await remove(cloud, 'm-bp1000000000000000009'), {});
  assert.deepEqual(await remove(cloud, imageId, {}, { account: OTHER_ACCOUNT }), {});
  assert.deepEqual(await remove(cloud, imageId, { RegionId: OTHER_REGION }), {});
  assert.ok((await findImage(cloud.database.read, imageId)) !== undefined);
});

test('an image that is being made, or copied, stays; also with Force', async () => {
  await using cloud = await TestCloud.open();
  const imported = { format: 'RAW', bucket: 'b', object: 'o' };
  const source = await putImage(cloud, { imageId: 'm-bp1000000000000000001' });
  const copy = { sourceImageId: source, sourceRegionId: REGION };
  const making = [
    [{ status: 'Creating', sourceInstanceId: 'i-1' }, 'ImageIsCreating'],
    [{ status: 'Creating', ...copy }, 'OperationDenied.ImageCopying'],
    [{ status: 'Waiting', ...copy }, 'OperationDenied.ImageCopying'],
    [
      {
        status: 'Creating',
        devices: [{ device: '/dev/xvda', type: 'system', snapshotId: null, sizeGib: 20, imported }],
      },
      'ImageIsImporting',
    ],
  ] as const;
  for (const [index, [row, code]] of making.entries()) {
    const imageId = await putImage(cloud, { imageId: `m-bp100000000000000002${index}`, ...row });
    for (const Force of [false, true]) await refusal(remove(cloud, imageId, { Force }), code, 403);
  }
  await refusal(remove(cloud, source, { Force: true }), 'OperationDenied.ImageCopying', 403);
  assert.ok((await findImage(cloud.database.read, source)) !== undefined);
});

test('a dry run deletes nothing, and says when the image could not be deleted', async () => {
  await using cloud = await TestCloud.open();
  const imageId = await putImage(cloud);
  await refusal(remove(cloud, imageId, { DryRun: true }), 'DryRunOperation', 400);
  assert.ok((await findImage(cloud.database.read, imageId)) !== undefined);
  const making = await putImage(cloud, { imageId: 'm-bp1000000000000000002', status: 'Creating' });
  await refusal(remove(cloud, making, { DryRun: true }), 'ImageIsCreating', 403);
});

test('permission: ecs:DeleteImage on the image', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(await DeleteImage(cloud.parts).access(cloud.callOf({ RegionId: REGION, ImageId: 'm-1' })), [
    { action: 'ecs:DeleteImage', resource: `acs:ecs:${REGION}:${ACCOUNT}:image/m-1` },
  ]);
});

test('an image that is shared stays; also with Force', async () => {
  await using cloud = await TestCloud.open();
  const imageId = await putImage(cloud);
  const share = { imageId, accountId: OTHER_ACCOUNT, sharedMs: 1 };
  await cloud.database.transact((transaction) => insertImageShare(transaction, share));
  for (const Force of [false, true]) await refusal(remove(cloud, imageId, { Force }), 'ImageUseShared', 403);
  await cloud.database.transact((transaction) => deleteImageShare(transaction, imageId, OTHER_ACCOUNT));
  await remove(cloud, imageId);
  assert.equal(await findImage(cloud.database.read, imageId), undefined);
});
