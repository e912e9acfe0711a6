import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { CopyImageInput } from '../../../../src/api/generated/ecs.ts';
import { dataKeyOfSnapshot, openDataKey } from '../../../../src/services/ecs/stored-data-key.ts';
import {
  keyOf,
  makeImage,
  makeSharedImage,
  openSharingCloud,
  RECEIVER,
  share,
  SHARING_REGION,
  withdrawRole,
} from '../sharing/sharing-cloud.ts';
import { refusal, type TestCloud } from '../test-cloud.ts';
import { copy, imageOf, systemSnapshot } from './copy-steps.ts';

const receive = (cloud: TestCloud, imageId: string, input: Partial<CopyImageInput>) =>
  copy(cloud, imageId, { RegionId: SHARING_REGION, ...input }, { account: RECEIVER });

test('a receiver copies a shared encrypted image under a key of its own, and the copy outlives sharing and role', async () => {
  await using cloud = await openSharingCloud();
  const { imageId, keyId } = await makeSharedImage(cloud, { content: 'a system' });
  const own = await keyOf(cloud, RECEIVER);
  await refusal(receive(cloud, imageId, { Encrypted: true }), 'InvalidParam.EncryptedMismatch', 400);
  const foreign = receive(cloud, imageId, { Encrypted: true, KMSKeyId: keyId });
  await refusal(foreign, 'InvalidParameter.KMSKeyId.NotFound', 404);
  const across = { Encrypted: true, KMSKeyId: own, DestinationRegionId: 'cn-hangzhou' };
  await refusal(receive(cloud, imageId, across), 'OperationDenied.SameRegionOnly', 403);
  const { ImageId } = await receive(cloud, imageId, { Encrypted: true, KMSKeyId: own });
  await cloud.parts.imageCopies.idle();
  const made = await imageOf(cloud, ImageId);
  assert.deepEqual([made.accountId, made.status, made.failure], [RECEIVER, 'Available', null]);
  await share(cloud, imageId, { RemoveAccount: [RECEIVER] });
  await withdrawRole(cloud);
  const snapshot = await systemSnapshot(cloud, made);
  assert.equal(snapshot.kmsKeyId, own);
  using key = await openDataKey(cloud.parts.dataKeys, dataKeyOfSnapshot(snapshot), RECEIVER);
  const disk = {
    diskId: 'd-2ze00000000000000000',
    sizeBytes: 20 * 2 ** 30,
    encrypted: false,
    wrappedKey: new Uint8Array([1]),
  };
  const source = { diskId: snapshot.sourceDiskId, snapshotId: snapshot.snapshotId, dataKey: key, pin: undefined };
  await cloud.plane.cloneDisk(source, disk, { suite: 'aes-256-gcm', key: new Uint8Array(32).fill(1) });
  assert.equal(cloud.plane.content(disk.diskId), 'a system');
});

test('a receiver without the sharer’s role copies nothing', async () => {
  await using cloud = await openSharingCloud();
  const { imageId } = await makeSharedImage(cloud);
  const own = await keyOf(cloud, RECEIVER);
  await withdrawRole(cloud);
  const attempt = () => receive(cloud, imageId, { Encrypted: true, KMSKeyId: own });
  await cloud.refuses(attempt, 'InvalidParameter.KMSKeyId.KMSUnauthorized', 403);
});

test('a copy of a shared image that was not begun when the image was unshared fails, and leaves nothing', async () => {
  await using cloud = await openSharingCloud();
  const { imageId } = await makeSharedImage(cloud);
  const own = await keyOf(cloud, RECEIVER);
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const other = await makeImage(cloud, { account: RECEIVER, keyId: own });
  cloud.plane.before = (method) => {
    if (method !== 'cloneDisk') return undefined;
    reached.resolve();
    return gate.promise;
  };
  await receive(cloud, other, { Encrypted: true });
  await reached.promise;
  const disks = cloud.plane.diskIds;
  const { ImageId } = await receive(cloud, imageId, { Encrypted: true, KMSKeyId: own });
  await share(cloud, imageId, { RemoveAccount: [RECEIVER] });
  gate.resolve();
  await cloud.parts.imageCopies.idle();
  const failed = await imageOf(cloud, ImageId);
  assert.deepEqual([failed.status, failed.failure?.code], ['CreateFailed', 'SOURCE_GONE']);
  assert.deepEqual(cloud.plane.diskIds, disks);
});
