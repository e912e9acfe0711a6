import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { CreateImageInput } from '../../../../src/api/generated/ecs.ts';
import { findImage, images, listImagesOfSnapshot } from '../../../../src/metadata/images.ts';
import { updateSnapshot } from '../../../../src/metadata/snapshots.ts';
import { CreateImage } from '../../../../src/services/ecs/actions/CreateImage.ts';
import { ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, refusal, REGION, TestCloud, type Asker } from '../test-cloud.ts';

const create = (cloud: TestCloud, input: Partial<CreateImageInput>, asker: Asker = {}) =>
  cloud.call(CreateImage(cloud.parts), { RegionId: REGION, ...input }, asker);

/** A snapshot of a fresh disk; of a system disk if `system`. */
async function snapshotOf(
  cloud: TestCloud,
  { system = true, ...disk }: { system?: boolean; Encrypted?: boolean; KMSKeyId?: string } = {},
) {
  const diskId = await cloud.createDisk(disk);
  await cloud.useDisk(diskId);
  const snapshotId = await cloud.createSnapshot(diskId);
  if (system)
    await cloud.database.transact((transaction) =>
      updateSnapshot(transaction, snapshotId, { sourceDiskType: 'system' }),
    );
  return snapshotId;
}

async function imageOf(cloud: TestCloud, imageId: string | undefined) {
  const image = await findImage(cloud.database.read, imageId ?? '');
  assert.ok(image !== undefined);
  return image;
}

const rows = (cloud: TestCloud) => images.findAll(cloud.database.read, {});

test('the snapshot of a system disk becomes an image of one disk, with what the request says of it', async () => {
  await using cloud = await TestCloud.ready();
  const snapshotId = await snapshotOf(cloud);
  const { ImageId } = await create(cloud, {
    SnapshotId: snapshotId,
    ImageName: 'base',
    ImageFamily: 'web',
    ImageVersion: '1.2',
    Description: 'about',
    Platform: 'Windows Server 2022',
    Architecture: 'arm64',
    Tag: [{ Key: 'k', Value: 'v' }],
  });
  assert.match(ImageId ?? '', /^m-bp1[0-9a-z]{17}$/);
  assert.deepEqual(await imageOf(cloud, ImageId), {
    imageId: ImageId,
    accountId: ACCOUNT,
    regionId: REGION,
    name: 'base',
    version: '1.2',
    family: 'web',
    description: 'about',
    status: 'Available',
    progress: 100,
    failure: null,
    architecture: 'arm64',
    osType: 'windows',
    platform: 'Windows Server 2022',
    osName: 'Windows Server 2022',
    bootMode: 'UEFI',
    sizeGib: 20,
    devices: [{ device: '/dev/xvda', type: 'system', snapshotId, sizeGib: 20 }],
    sourceInstanceId: null,
    sourceImageId: null,
    sourceRegionId: null,
    resourceGroupId: null,
    tags: [{ key: 'k', value: 'v' }],
    createdMs: cloud.clock.now,
  });
  const found = await listImagesOfSnapshot(cloud.database.read, snapshotId);
  assert.deepEqual(
    found.map((image) => image.imageId),
    [ImageId],
  );
});

test('a mapping names a system disk, snapshots of data disks, and blank disks; devices that are not given are free ones', async () => {
  await using cloud = await TestCloud.ready();
  const [system, data] = [await snapshotOf(cloud), await snapshotOf(cloud, { system: false, Encrypted: true })];
  const { ImageId } = await create(cloud, {
    DiskDeviceMapping: [
      { SnapshotId: data },
      { Size: 7, Device: '/dev/xvdb' },
      { SnapshotId: system, Size: 40 },
      { DiskType: 'data' },
    ],
  });
  const { devices, sizeGib } = await imageOf(cloud, ImageId);
  assert.deepEqual(devices, [
    { device: '/dev/xvda', type: 'system', snapshotId: system, sizeGib: 40 },
    { device: '/dev/xvdc', type: 'data', snapshotId: data, sizeGib: 20 },
    { device: '/dev/xvdb', type: 'data', snapshotId: null, sizeGib: 7 },
    { device: '/dev/xvdd', type: 'data', snapshotId: null, sizeGib: 20 },
  ]);
  assert.equal(sizeGib, 40);
});

test('the unencrypted snapshot of a data disk becomes a system disk when the mapping says so', async () => {
  await using cloud = await TestCloud.ready();
  const snapshotId = await snapshotOf(cloud, { system: false });
  await refusal(create(cloud, { SnapshotId: snapshotId }), 'InvalidSystemSnapshot.Missing', 403);
  const { ImageId } = await create(cloud, {
    DiskDeviceMapping: [{ SnapshotId: snapshotId, DiskType: 'system' }],
    SnapshotId: 's-ignored',
  });
  assert.equal((await imageOf(cloud, ImageId)).devices[0]?.type, 'system');
});

test('an encrypted snapshot becomes no system disk', async () => {
  await using cloud = await TestCloud.ready();
  const system = await snapshotOf(cloud, { Encrypted: true });
  const data = await snapshotOf(cloud, { system: false, Encrypted: true });
  await refusal(create(cloud, { SnapshotId: system }), 'OperationDenied', 400);
  await refusal(create(cloud, { DiskDeviceMapping: [{ SnapshotId: system }] }), 'OperationDenied', 400);
  const mapping = [{ SnapshotId: data, DiskType: 'system' }];
  await refusal(create(cloud, { DiskDeviceMapping: mapping }), 'InvalidParameter.DiskType', 400);
  assert.deepEqual(await rows(cloud), []);
});

test('M10: an image with an encrypted disk needs its key, in each state of the key and of the role', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const system = await snapshotOf(cloud);
  const data = await snapshotOf(cloud, { system: false, Encrypted: true, KMSKeyId: keyId });
  const attempt = () => create(cloud, { DiskDeviceMapping: [{ SnapshotId: system }, { SnapshotId: data }] });
  await cloud.removeDiskRole();
  await cloud.refuses(attempt, 'InvalidParameter.KMSKeyId.KMSUnauthorized', 403);
  await cloud.allowDiskRole();
  await cloud.disableKey(keyId);
  await cloud.refuses(attempt, 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403);
  await cloud.enableKey(keyId);
  await attempt();
  await cloud.destroyKey(keyId);
  await cloud.refuses(attempt, 'InvalidParameter.KMSKeyId.NotFound', 404);
  assert.equal((await rows(cloud)).length, 1);
});

test('names are unique in an account and region, and images without a name are many', async () => {
  await using cloud = await TestCloud.ready();
  const SnapshotId = await snapshotOf(cloud);
  await create(cloud, { SnapshotId, ImageName: 'base' });
  await refusal(create(cloud, { SnapshotId, ImageName: 'base' }), 'InvalidImageName.Duplicated', 400);
  await create(cloud, { SnapshotId });
  await create(cloud, { SnapshotId });
  const both = await Promise.allSettled(['a1', 'a1'].map((ImageName) => create(cloud, { SnapshotId, ImageName })));
  assert.deepEqual(both.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
  assert.equal((await rows(cloud)).length, 4);
});

test('refused requests answer their documented code and make nothing', async () => {
  await using cloud = await TestCloud.ready();
  const SnapshotId = await snapshotOf(cloud);
  const data = await snapshotOf(cloud, { system: false });
  const mapped = (...DiskDeviceMapping: NonNullable<CreateImageInput['DiskDeviceMapping']>) => ({ DiskDeviceMapping });
  const refused: readonly (readonly [Partial<CreateImageInput>, string, number])[] = [
    [{}, 'InvalidParameter.AllEmpty', 400],
    [{ RegionId: 'cn-nowhere', SnapshotId }, 'InvalidRegionId.NotFound', 404],
    [{ InstanceId: 'i-bp1000000000000000000', SnapshotId }, 'InvalidInstanceId.NotFound', 404],
    [{ SnapshotId: 's-bp1000000000000000000' }, 'InvalidSnapshotId.NotFound', 404],
    [{ SnapshotId, ImageName: '1x' }, 'InvalidImageName.Malformed', 400],
    [{ SnapshotId, ImageName: 'aliyun-x' }, 'InvalidImageName.Malformed', 400],
    [{ SnapshotId, ImageFamily: 'acs:x' }, 'InvalidImageFamily.Malformed', 400],
    [{ SnapshotId, ImageVersion: 'a b' }, 'InvalidImageVersion.Malformed', 400],
    [{ SnapshotId, Description: 'http://x' }, 'InvalidDescription.Malformed', 400],
    [{ SnapshotId, Platform: 'Plan 9' }, 'InvalidPlatform.Malformed', 400],
    [{ SnapshotId, Architecture: 'mips' }, 'InvalidArchitecture.Malformed', 400],
    [{ SnapshotId, BootMode: 'x' }, 'InvalidParameter', 400],
    [{ SnapshotId, Tag: [{ Key: 'aliyun' }] }, 'InvalidTagKey.Malformed', 400],
    [{ SnapshotId, DryRun: true }, 'DryRunOperation', 400],
    [mapped({ SnapshotId: data }), 'InvalidSystemSnapshot.Missing', 403],
    [mapped({ DiskType: 'system' }), 'InvalidSystemSnapshot.Missing', 403],
    [mapped({ SnapshotId }, { SnapshotId }), 'InvalidDevice.InUse', 400],
    [mapped({ SnapshotId, DiskType: 'data' }), 'InvalidDiskType.ValueNotSupported', 400],
    [mapped({ SnapshotId, DiskType: 'x' }), 'InvalidDiskType.ValueNotSupported', 400],
    [mapped({ SnapshotId, Device: '/dev/xvdb' }), 'InvalidDevice.Malformed', 400],
    [mapped({ SnapshotId }, { SnapshotId: data, Device: '/dev/xvda' }), 'InvalidDevice.Malformed', 400],
    [mapped({ SnapshotId }, { Device: '/dev/xvdc' }, { Device: '/dev/xvdc' }), 'InvalidDevice.InUse', 400],
    [mapped({ SnapshotId, Size: 19 }), 'InvalidSize.ValueNotSupported', 400],
    [mapped({ SnapshotId }, { Size: 4 }), 'InvalidSize.ValueNotSupported', 400],
    [mapped({ SnapshotId }, ...Array.from({ length: 17 }, () => ({}))), 'InvalidParameter', 400],
  ];
  for (const [input, code, httpStatus] of refused) await cloud.refuses(() => create(cloud, input), code, httpStatus);
  const foreign = create(cloud, { SnapshotId }, { account: OTHER_ACCOUNT });
  await refusal(foreign, 'InvalidSnapshotId.NotFound', 404);
  await refusal(create(cloud, { SnapshotId, RegionId: OTHER_REGION }), 'InvalidSnapshotId.NotFound', 404);
  assert.deepEqual(await rows(cloud), []);
});

test('permission: ecs:CreateImage on images and on what the image is made of', async () => {
  await using cloud = await TestCloud.open();
  const needed = async (input: Partial<CreateImageInput>) => {
    const access = await CreateImage(cloud.parts).access(cloud.callOf({ RegionId: REGION, ...input }));
    return access.map(({ action, resource }) => `${action} ${resource.slice(`acs:ecs:${REGION}:${ACCOUNT}:`.length)}`);
  };
  assert.deepEqual(await needed({ SnapshotId: 's-1' }), ['ecs:CreateImage image/*', 'ecs:CreateImage snapshot/s-1']);
  assert.deepEqual(await needed({ SnapshotId: 's-1', InstanceId: 'i-1' }), [
    'ecs:CreateImage image/*',
    'ecs:CreateImage instance/i-1',
  ]);
  const mapping = [{ SnapshotId: 's-1' }, { SnapshotId: 's-2' }, {}];
  assert.deepEqual(await needed({ DiskDeviceMapping: mapping }), [
    'ecs:CreateImage image/*',
    'ecs:CreateImage snapshot/s-1',
    'ecs:CreateImage snapshot/s-2',
  ]);
});
