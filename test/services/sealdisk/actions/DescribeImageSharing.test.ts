import assert from 'node:assert/strict';
import { test } from 'node:test';

import { insertAccount } from '../../../../src/metadata/accounts.ts';
import { listDisksOfKey } from '../../../../src/metadata/disks.ts';
import { DeleteDisk } from '../../../../src/services/ecs/actions/DeleteDisk.ts';
import { DescribeImageSharing } from '../../../../src/services/sealdisk/actions/DescribeImageSharing.ts';
import { refusal, REGION, type TestCloud } from '../../ecs/test-cloud.ts';
import {
  allowSharing,
  keyOf,
  makeImage,
  makeSharedImage,
  openSharingCloud,
  RECEIVER,
  share,
  SHARER,
  SHARING_REGION,
  SHARING_ZONE,
  trust,
  withdrawPolicy,
  withdrawRole,
} from '../../ecs/sharing/sharing-cloud.ts';

const describe = (cloud: TestCloud, ImageId: string, asker = {}) =>
  cloud.call(DescribeImageSharing(cloud.parts), { ImageId }, asker);

test('each receiver is said to be able to use the image, or what is in the way', async () => {
  await using cloud = await openSharingCloud();
  const { imageId, keyId } = await makeSharedImage(cloud);
  const third = '3000000000000001';
  await cloud.database.transact((transaction) =>
    insertAccount(transaction, { accountId: third, regionId: REGION, createdMs: 1 }),
  );
  await trust(cloud, [RECEIVER, third]);
  cloud.clock.now += 1000;
  await share(cloud, imageId, { AddAccount: [third] });
  const shown = async () => {
    const { Receivers } = await describe(cloud, imageId);
    return Receivers?.Receiver?.map(({ AccountId, Usable }) => [AccountId, Usable]);
  };
  assert.deepEqual(await shown(), [
    [RECEIVER, true],
    [third, true],
  ]);
  await trust(cloud, [RECEIVER]);
  assert.deepEqual(await shown(), [
    [RECEIVER, true],
    [third, false],
  ]);
  await withdrawPolicy(cloud);
  const { Receivers } = await describe(cloud, imageId);
  assert.match(Receivers?.Receiver?.[0]?.Reason ?? '', /does not allow kms:DescribeKey/);
  assert.match(Receivers?.Receiver?.[1]?.Reason ?? '', /does not trust 3000000000000001@ecs/);
  await cloud.kms.keys.disable({ accountId: SHARER, regionId: SHARING_REGION }, keyId);
  assert.deepEqual(await shown(), [
    [RECEIVER, false],
    [third, false],
  ]);
});

test('M24: a key that is used for more than the shared image is advised against, one of its own is not', async () => {
  await using cloud = await openSharingCloud();
  const keyId = await keyOf(cloud);
  const { imageId } = await makeSharedImage(cloud, { keyId });
  // The disk that it was made from.
  const before = await describe(cloud, imageId);
  assert.deepEqual(before.OtherUses, { Disks: 1, Snapshots: 0, Images: 0 });
  assert.deepEqual(
    before.Advices?.Advice?.map(({ Code }) => Code),
    ['SeparateKey'],
  );
  const [disk] = await listDisksOfKey(cloud.database.read, keyId);
  await cloud.call(DeleteDisk(cloud.parts), { DiskId: disk?.diskId ?? '' });
  const alone = await describe(cloud, imageId);
  assert.deepEqual([alone.KMSKeyId, alone.OtherUses], [keyId, { Disks: 0, Snapshots: 0, Images: 0 }]);
  assert.deepEqual(alone.Advices?.Advice, []);
  await makeImage(cloud, { keyId });
  await cloud.createDisk({
    RegionId: SHARING_REGION,
    ZoneId: SHARING_ZONE,
    DiskCategory: 'cloud_essd',
    Encrypted: true,
    KMSKeyId: keyId,
  });
  const busy = await describe(cloud, imageId);
  assert.deepEqual(busy.OtherUses, { Disks: 2, Snapshots: 1, Images: 1 });
  const [advice] = busy.Advices?.Advice ?? [];
  assert.match(advice?.Message ?? '', /2 other disks, 1 other snapshot, 1 other image.*CopyImage/);
});

test('M22: a role that lets receivers use other keys too is advised against', async () => {
  await using cloud = await openSharingCloud();
  const keyId = await keyOf(cloud);
  const document = JSON.stringify({
    Version: '1',
    Statement: [{ Effect: 'Allow', Action: 'kms:*', Resource: `acs:kms:*:${SHARER}:key/*` }],
  });
  await allowSharing(cloud, keyId, { document });
  const imageId = await makeImage(cloud, { keyId });
  const codes = async () => (await describe(cloud, imageId)).Advices?.Advice?.map(({ Code }) => Code);
  assert.deepEqual(await codes(), ['SeparateKey'], 'nobody is let in yet');
  await share(cloud, imageId, { AddAccount: [RECEIVER] });
  assert.deepEqual(await codes(), ['SeparateKey', 'NarrowRole']);
  await withdrawRole(cloud);
  await allowSharing(cloud, keyId);
  assert.deepEqual(await codes(), ['SeparateKey']);
});

test('an unencrypted image needs nothing, and only the owner is told', async () => {
  await using cloud = await openSharingCloud();
  const imageId = await makeImage(cloud, { keyId: null });
  await share(cloud, imageId, { AddAccount: [RECEIVER] });
  const { Encrypted, KMSKeyId, Receivers, Advices } = await describe(cloud, imageId);
  assert.deepEqual([Encrypted, KMSKeyId, Advices?.Advice], [false, undefined, []]);
  assert.equal(Receivers?.Receiver?.[0]?.Usable, true);
  await refusal(describe(cloud, imageId, { account: RECEIVER }), 'InvalidImageId.NotFound', 404);
  await refusal(describe(cloud, 'm-2ze00000000000000000'), 'InvalidImageId.NotFound', 404);
});
