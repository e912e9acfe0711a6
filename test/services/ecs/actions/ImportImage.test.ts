import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ImportImageInput } from '../../../../src/api/generated/ecs.ts';
import { images } from '../../../../src/metadata/images.ts';
import { DeleteImage } from '../../../../src/services/ecs/actions/DeleteImage.ts';
import { ImportImage } from '../../../../src/services/ecs/actions/ImportImage.ts';
import { imageOf } from '../images/copy-steps.ts';
import { file, imported, importImage, putFile } from '../images/file-steps.ts';
import { ACCOUNT, OTHER_ACCOUNT, refusal, REGION, TestCloud } from '../test-cloud.ts';

test('files become the disks of an image, the first the system disk, each as large as it has to be', async () => {
  await using cloud = await TestCloud.open();
  putFile(cloud, 'system.raw', '20 a system');
  putFile(cloud, 'data/one.qcow2', '5 some data');
  const imageId = await imported(
    cloud,
    [file('system.raw'), file('data/one.qcow2', { Format: 'QCOW2', DiskImageSize: 7 })],
    {
      ImageName: 'base',
      OSType: 'windows',
      Platform: 'Windows Server 2022',
      Architecture: 'x86_64',
      Description: 'about',
    },
  );
  const image = await imageOf(cloud, imageId);
  const { status, progress, name, osType, platform, description, sizeGib } = image;
  assert.deepEqual([status, progress, name, description, sizeGib], ['Available', 100, 'base', 'about', 20]);
  assert.deepEqual([osType, platform], ['windows', 'Windows Server 2022']);
  const contents = [];
  for (const { device, type, snapshotId, sizeGib: size, imported: from } of image.devices) {
    const snapshot = await cloud.snapshot(snapshotId ?? '');
    assert.deepEqual([snapshot.status, snapshot.encrypted, snapshot.sourceDiskType], ['accomplished', false, type]);
    assert.deepEqual(cloud.plane.snapshotIds(snapshot.sourceDiskId), [snapshotId]);
    contents.push([device, type, size, from?.format, from?.object]);
  }
  assert.deepEqual(contents, [
    ['/dev/xvda', 'system', 20, 'RAW', 'system.raw'],
    ['/dev/xvdb', 'data', 7, 'QCOW2', 'data/one.qcow2'],
  ]);
  assert.deepEqual(await cloud.plane.listExports(), []);
  assert.deepEqual(cloud.plane.diskIds, []);
});

test('the answer names the image and the task; until it is read the image is Creating, and not to be deleted', async () => {
  await using cloud = await TestCloud.open();
  putFile(cloud, 'system.raw', '20 x');
  const gate = Promise.withResolvers<void>();
  cloud.plane.before = (method) => (method === 'openExport' ? gate.promise : undefined);
  const { ImageId = '', TaskId, RegionId } = await importImage(cloud, [file('system.raw')]);
  assert.deepEqual([TaskId, RegionId], [`t-${ImageId.slice(2)}`, REGION]);
  assert.equal((await imageOf(cloud, ImageId)).status, 'Creating');
  const remove = cloud.call(DeleteImage(cloud.parts), { RegionId: REGION, ImageId, Force: true });
  await refusal(remove, 'ImageIsImporting', 403);
  gate.resolve();
  await cloud.parts.imageFiles.work.idle();
  assert.equal((await imageOf(cloud, ImageId)).status, 'Available');
});

test('refused requests answer their documented code and make nothing', async () => {
  await using cloud = await TestCloud.open();
  putFile(cloud, 'system.raw', '20 x');
  putFile(cloud, 'broken.raw', 'bad');
  putFile(cloud, 'foreign.raw', '20 x', OTHER_ACCOUNT);
  const good = [file('system.raw')];
  const refused: readonly (readonly [
    ImportImageInput['DiskDeviceMapping'],
    Partial<ImportImageInput>,
    string,
    number,
  ])[] = [
    [undefined, {}, 'MissingParameter.DiskDeviceMapping', 403],
    [[], {}, 'MissingParameter.DiskDeviceMapping', 403],
    [Array.from({ length: 18 }, () => file('system.raw')), {}, 'InvalidParameter', 400],
    [[{ OSSBucket: 'images' }], {}, 'MissingParameter', 400],
    [[file('system.raw', { OSSBucket: '..' })], {}, 'InvalidOSSBucket.NotFound', 400],
    [[file('../../../metadata.db')], {}, 'InvalidOSSObject.Malformed', 400],
    [[file('absent.raw')], {}, 'InvalidOSSObject.NotFound', 400],
    [[file('foreign.raw')], {}, 'InvalidOSSObject.NotFound', 400],
    [[file('broken.raw')], {}, 'InvalidImageFormat.Malformed', 400],
    [[file('system.raw', { Format: 'VHD' })], {}, 'InvalidImageFormat.Malformed', 400],
    [[file('system.raw', { DiskImageSize: 19 })], {}, 'InvalidImageSize', 400],
    [[file('system.raw', { DiskImSize: 2049 })], {}, 'InvalidImageSize', 400],
    [[file('system.raw'), file('system.raw', { DiskImageSize: 1 })], {}, 'InvalidDataDiskSize', 400],
    [[file('system.raw', { Device: '/dev/xvdb' })], {}, 'InvalidParameter', 400],
    [good, { OSType: 'plan9' }, 'InvalidOSType.Malformed', 400],
    [good, { ImageName: '1x' }, 'InvalidImageName.Malformed', 400],
    [good, { Architecture: 'mips' }, 'InvalidArchitecture.Malformed', 400],
    [good, { Platform: 'x' }, 'InvalidPlatform.Malformed', 400],
    [good, { RegionId: 'cn-nowhere' }, 'InvalidRegionId.NotFound', 404],
    [good, { DryRun: true }, 'DryRunOperation', 400],
  ];
  for (const [files, input, code, httpStatus] of refused)
    await cloud.refuses(() => importImage(cloud, files, input), code, httpStatus);
  assert.deepEqual(await images.findAll(cloud.database.read, {}), []);
});

test('a server without a store says so', async () => {
  await using cloud = await TestCloud.open();
  const parts = { ...cloud.parts, imageFiles: { ...cloud.parts.imageFiles, store: undefined } };
  const attempt = cloud.call(ImportImage(parts), { RegionId: REGION, DiskDeviceMapping: [file('system.raw')] });
  const error = await refusal(attempt, 'InvalidRegion.NotSupport', 403);
  assert.match(error.message, /SEALDISK_IMAGE_STORE/);
});

test('permission: ecs:ImportImage on images', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(await ImportImage(cloud.parts).access(cloud.callOf({ RegionId: REGION })), [
    { action: 'ecs:ImportImage', resource: `acs:ecs:${REGION}:${ACCOUNT}:image/*` },
  ]);
});
