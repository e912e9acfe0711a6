import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { CreateDiskInput } from '../../../../src/api/generated/ecs.ts';
import { systemRandom } from '../../../../src/base/system-random.ts';
import type { Snapshot } from '../../../../src/metadata/snapshots.ts';
import { decideEncryption } from '../../../../src/services/ecs/disk-encryption.ts';
import { provisionDisk } from '../../../../src/services/ecs/disk-provision.ts';
import { checkedDiskRequest } from '../../../../src/services/ecs/disk-request.ts';
import { FRESH_DISK } from '../../../../src/services/ecs/fresh-disk.ts';
import { usableImage } from '../../../../src/services/ecs/images/image-use.ts';
import { findRegion } from '../../../../src/services/ecs/regions.ts';
import { mintId } from '../../../../src/services/ecs/resource-ids.ts';
import { diskKeyRefusalOf } from '../../../../src/kms/disk-key-rules.ts';
import { refusal, type TestCloud } from '../test-cloud.ts';
import {
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
} from './sharing-cloud.ts';

const SHARER_SCOPE = { accountId: SHARER, regionId: SHARING_REGION };
const RECEIVER_SCOPE = { accountId: RECEIVER, regionId: SHARING_REGION };

async function snapshotFor(cloud: TestCloud, imageId: string): Promise<Snapshot> {
  const { devices } = await usableImage(cloud.parts, RECEIVER_SCOPE, SHARING_REGION, imageId, 'instance');
  const snapshot = devices[0]?.snapshot;
  assert.ok(snapshot !== undefined);
  return snapshot;
}

const decide = (cloud: TestCloud, input: Partial<CreateDiskInput>, snapshot: Snapshot, defaultKeyId?: string) => {
  const whole = { RegionId: SHARING_REGION, ZoneId: SHARING_ZONE, Size: 20, DiskCategory: 'cloud_essd', ...input };
  const standing = { accountId: RECEIVER, defaultKeyId, limits: cloud.parts.limits };
  return decideEncryption(input, checkedDiskRequest(whole, SHARING_REGION), snapshot, standing);
};

/** The receiver's disk from the image, as an instance gets it. */
async function makeDisk(cloud: TestCloud, imageId: string, input: Partial<CreateDiskInput> = {}): Promise<string> {
  const snapshot = await snapshotFor(cloud, imageId);
  const encryption = decide(cloud, input, snapshot);
  const region = findRegion(SHARING_REGION);
  assert.ok(region !== undefined && encryption.kind !== 'plain');
  const diskId = mintId(systemRandom, 'd', region);
  const keyId = encryption.kind === 'key' ? encryption.reference : undefined;
  const made = await cloud.parts.dataKeys.generate({ ...RECEIVER_SCOPE, diskId, keyId });
  const disk = {
    ...FRESH_DISK,
    ...RECEIVER_SCOPE,
    diskId,
    zoneId: SHARING_ZONE,
    name: '',
    description: '',
    category: 'cloud_essd',
    performanceLevel: 'PL1',
    sizeGib: 20,
    encrypted: true,
    kmsKeyId: made.kmsKeyId,
    suite: made.suite,
    wrappedKey: made.wrapped,
    wrappedBy: 'kms' as const,
    sourceSnapshotId: null,
    tags: [],
    createdMs: cloud.clock.now,
  };
  const answer = { idempotencyKey: undefined, output: {} };
  await provisionDisk(cloud.parts, disk, { suite: made.suite, key: made.plaintext }, snapshot, answer);
  return diskId;
}

const contentOf = async (cloud: TestCloud, diskId: string): Promise<string> => {
  const { row } = await cloud.exports.open({ diskId, accountId: RECEIVER, readOnly: true });
  const content = cloud.plane.content(diskId);
  await cloud.exports.close(row.exportId, { accountId: RECEIVER, force: false });
  return content;
};

test('M20: a receiver’s disk has the image’s bytes under a data key and a KMS key of the receiver, sealed anew', async () => {
  await using cloud = await openSharingCloud();
  const { imageId, keyId } = await makeSharedImage(cloud, { content: 'a system' });
  const own = await keyOf(cloud, RECEIVER);
  const diskId = await makeDisk(cloud, imageId, { Encrypted: true, KMSKeyId: own });
  const disk = await cloud.disk(diskId);
  const source = await snapshotFor(cloud, imageId);
  assert.deepEqual([disk.kmsKeyId, source.kmsKeyId], [own, keyId]);
  assert.notDeepEqual(disk.wrappedKey, source.wrappedKey);
  assert.equal((await cloud.parts.rotations.describe(diskId))?.row.status, 'Running', 'it is sealed anew');
  assert.equal(await contentOf(cloud, diskId), 'a system');
});

test('without a key named, asked for encryption or not, it is under the receiver’s service key', async () => {
  await using cloud = await openSharingCloud();
  const { imageId } = await makeSharedImage(cloud);
  for (const input of [{}, { Encrypted: true }]) {
    const { kmsKeyId, encrypted } = await cloud.disk(await makeDisk(cloud, imageId, input));
    assert.equal(kmsKeyId, (await cloud.kms.serviceKeys.find(RECEIVER_SCOPE))?.keyId);
    assert.equal(encrypted, true);
  }
  const snapshot = await snapshotFor(cloud, imageId);
  assert.deepEqual(decide(cloud, {}, snapshot, 'the-default-key'), { kind: 'service-key', suite: undefined });
});

test('an SM4 key of the receiver makes an SM4 disk of an AES image', async () => {
  await using cloud = await openSharingCloud();
  const { imageId } = await makeSharedImage(cloud, { content: 'a system' });
  const own = await cloud.createKey('Aliyun_SM4', { account: RECEIVER, region: SHARING_REGION });
  const diskId = await makeDisk(cloud, imageId, { Encrypted: true, KMSKeyId: own });
  assert.equal((await cloud.disk(diskId)).suite, 'sm4-gcm');
  assert.equal(await contentOf(cloud, diskId), 'a system');
});

test('asking for a plain disk of an encrypted image, or an encrypted one of a plain image, is refused', async () => {
  await using cloud = await openSharingCloud();
  const { imageId } = await makeSharedImage(cloud);
  const attempt = async (image: string, input: object) => decide(cloud, input, await snapshotFor(cloud, image));
  await refusal(attempt(imageId, { Encrypted: false }), 'InvalidEncrypted.NotMatchSnapshot', 403);
  const plain = await makeImage(cloud, { keyId: null });
  await share(cloud, plain, { AddAccount: [RECEIVER] });
  await refusal(attempt(plain, { Encrypted: true }), 'NotSupportSnapshotEncrypted.ShareImage', 400);
  assert.deepEqual(await attempt(plain, {}), { kind: 'plain' });
});

test('M25 M28: what a receiver made of an image outlives sharing, role and key, which were destroyed with the sharer’s data', async () => {
  await using cloud = await openSharingCloud();
  const { imageId, keyId } = await makeSharedImage(cloud, { content: 'a system' });
  const diskId = await makeDisk(cloud, imageId);
  await share(cloud, imageId, { RemoveAccount: [RECEIVER] });
  await withdrawRole(cloud);
  await cloud.kms.keys.scheduleDeletion(SHARER_SCOPE, keyId, 7);
  cloud.clock.now += 8 * 24 * 60 * 60 * 1000;
  await cloud.kms.destruction.destroyDue();
  assert.equal(await contentOf(cloud, diskId), 'a system');
  await cloud.parts.rotations.keepGoing();
  assert.equal(await contentOf(cloud, diskId), 'a system');
});

async function makesNothing(cloud: TestCloud, imageId: string, expected: string): Promise<void> {
  const before = await cloud.everything();
  await assert.rejects(makeDisk(cloud, imageId), (error) => diskKeyRefusalOf(error) === expected);
  assert.deepEqual(await cloud.everything(), before);
}

test('M28: while the image’s key is disabled, waits for deletion or is gone, a receiver makes nothing of it', async () => {
  await using cloud = await openSharingCloud();
  const { imageId, keyId } = await makeSharedImage(cloud);
  await makeDisk(cloud, imageId);
  await cloud.kms.keys.disable(SHARER_SCOPE, keyId);
  await makesNothing(cloud, imageId, 'CMKNotEnabled');
  await cloud.kms.keys.enable(SHARER_SCOPE, keyId);
  await makeDisk(cloud, imageId);
  await cloud.kms.keys.scheduleDeletion(SHARER_SCOPE, keyId, 7);
  await makesNothing(cloud, imageId, 'CMKNotEnabled');
  cloud.clock.now += 8 * 24 * 60 * 60 * 1000;
  await cloud.kms.destruction.destroyDue();
  await makesNothing(cloud, imageId, 'CMKNotEnabled');
});

test('M28: with trust, policy or role withdrawn a receiver makes nothing of it, whatever the sharer’s disk role allows', async () => {
  await using cloud = await openSharingCloud();
  const { imageId } = await makeSharedImage(cloud);
  await trust(cloud, []);
  await makesNothing(cloud, imageId, 'KMSUnauthorized');
  await trust(cloud, ['3000000000000001']);
  await makesNothing(cloud, imageId, 'KMSUnauthorized');
  await trust(cloud, [RECEIVER]);
  await makeDisk(cloud, imageId);
  await withdrawPolicy(cloud);
  await makesNothing(cloud, imageId, 'KMSUnauthorized');
});
