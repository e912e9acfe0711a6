import assert from 'node:assert/strict';
import { test } from 'node:test';

import { updateDisk, type Disk } from '../../../../src/metadata/disks.ts';
import { findImage, images } from '../../../../src/metadata/images.ts';
import { SystemError } from '../../../../src/base/errors.ts';
import { imageOfDisks } from '../../../../src/services/ecs/images/image-from-instance.ts';
import { isEncrypted, usableImage } from '../../../../src/services/ecs/images/image-use.ts';
import { finishRemovals, takeBackCreations } from '../../../../src/services/ecs/reconcile.ts';
import { ACCOUNT, never, refusal, REGION, TestCloud } from '../test-cloud.ts';

const IMAGE = 'm-bp1000000000000000001';

/** A system disk and an encrypted data disk of one instance. */
async function disksOfInstance(cloud: TestCloud, keyId?: string): Promise<readonly Disk[]> {
  const made = [
    await cloud.createDisk(),
    await cloud.createDisk({ Encrypted: true, ...(keyId && { KMSKeyId: keyId }) }),
  ];
  for (const diskId of made) await cloud.useDisk(diskId, `contents of ${made.indexOf(diskId)}`);
  return await cloud.database.transact(async (transaction) => {
    const rows = [];
    for (const [index, diskId] of made.entries())
      rows.push(
        await updateDisk(transaction, diskId, {
          instanceId: 'i-1',
          type: index === 0 ? 'system' : 'data',
          device: `/dev/xvd${'ab'[index]}`,
          status: 'In_use',
        }),
      );
    return rows;
  });
}

const image = (cloud: TestCloud, disks: readonly Disk[]) =>
  imageOfDisks(
    cloud.parts,
    disks,
    {
      imageId: IMAGE,
      accountId: ACCOUNT,
      regionId: REGION,
      name: 'full',
      architecture: 'x86_64',
      osType: 'linux',
      platform: 'Ubuntu',
      osName: 'Ubuntu',
      bootMode: 'BIOS',
      tags: [],
      sourceInstanceId: 'i-1',
      createdMs: cloud.clock.now,
    },
    { idempotencyKey: undefined, output: {} },
  );

test('M19: an image of an instance has a new snapshot of each of its disks, and is encrypted as they are', async () => {
  await using cloud = await TestCloud.ready();
  const disks = await disksOfInstance(cloud);
  await image(cloud, disks.toReversed());
  const {
    image: made,
    devices,
    ...used
  } = await usableImage(cloud.parts, { accountId: ACCOUNT }, REGION, IMAGE, 'instance');
  assert.equal(used.origin, 'own');
  assert.ok('status' in made && made.status === 'Available');
  assert.deepEqual(
    devices.map(({ device, type, snapshot }) => [device, type, snapshot?.sourceDiskId, snapshot?.encrypted]),
    [
      ['/dev/xvda', 'system', disks[0]?.diskId, false],
      ['/dev/xvdb', 'data', disks[1]?.diskId, true],
    ],
  );
  assert.equal(isEncrypted({ devices }), true);
  for (const { snapshot } of devices)
    assert.equal(snapshot?.kmsKeyId, (await cloud.disk(snapshot?.sourceDiskId ?? '')).kmsKeyId);
});

test('M10: nothing is made when the key of one disk cannot be used', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const disks = await disksOfInstance(cloud, keyId);
  await cloud.disableKey(keyId);
  await cloud.refuses(() => image(cloud, disks), 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403);
  assert.deepEqual(await images.findAll(cloud.database.read, {}), []);
});

test('a snapshot that fails takes the image and the other snapshots with it', async () => {
  await using cloud = await TestCloud.ready();
  const disks = await disksOfInstance(cloud);
  cloud.plane.before = (method, [diskId]) => {
    if (method === 'createSnapshot' && diskId === disks[1]?.diskId)
      throw new SystemError('no-space', 'NO_SPACE', 'the store is full');
  };
  await refusal(image(cloud, disks), 'OperationDenied', 403);
  assert.equal(await findImage(cloud.database.read, IMAGE), undefined);
  for (const { diskId } of disks) assert.deepEqual(cloud.plane.snapshotIds(diskId), []);
});

test('a control plane that dies at any step leaves no image and no snapshot', async () => {
  for (const step of [1, 2]) {
    await using cloud = await TestCloud.ready();
    const disks = await disksOfInstance(cloud);
    let calls = 0;
    const died = Promise.withResolvers<void>();
    cloud.plane.after = async (method) => {
      if (method !== 'createSnapshot') return;
      calls += 1;
      if (calls < step) return;
      died.resolve();
      await never();
    };
    void image(cloud, disks);
    await died.promise;
    cloud.plane.after = () => {};
    assert.equal((await findImage(cloud.database.read, IMAGE))?.status, 'Creating');
    await takeBackCreations(cloud.parts);
    await finishRemovals(cloud.parts);
    assert.equal(await findImage(cloud.database.read, IMAGE), undefined);
    for (const { diskId } of disks) assert.deepEqual(cloud.plane.snapshotIds(diskId), []);
  }
});
