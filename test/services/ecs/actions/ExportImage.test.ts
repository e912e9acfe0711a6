import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import type { ExportImageInput } from '../../../../src/api/generated/ecs.ts';
import { listImageExports } from '../../../../src/metadata/image-exports.ts';
import { DeleteImage } from '../../../../src/services/ecs/actions/DeleteImage.ts';
import { ExportImage } from '../../../../src/services/ecs/actions/ExportImage.ts';
import { imageWith } from '../images/copy-steps.ts';
import { BUCKET, exportImage, file, imported, putFile } from '../images/file-steps.ts';
import { ACCOUNT, OTHER_ACCOUNT, refusal, REGION, TestCloud } from '../test-cloud.ts';

const filesOf = (cloud: TestCloud) => readdirSync(cloud.bucket(BUCKET)).toSorted();

test('each disk of an image becomes a file, in the format that was asked for; blank disks have none', async () => {
  await using cloud = await TestCloud.ready();
  putFile(cloud, 'system.raw', '20 a system');
  putFile(cloud, 'data.raw', '5 some data');
  const imageId = await imported(cloud, [file('system.raw'), file('data.raw')]);
  const { TaskId, RegionId } = await exportImage(cloud, imageId, { OSSPrefix: 'out', ImageFormat: 'QCOW2' });
  assert.match(TaskId ?? '', /^t-bp1/);
  assert.equal(RegionId, REGION);
  await cloud.parts.imageFiles.work.idle();
  const made = [`out_${imageId}_data_xvdb.qcow2`, `out_${imageId}_system.qcow2`];
  assert.deepEqual(filesOf(cloud), ['data.raw', ...made, 'system.raw'].toSorted());
  const read = (name: string) => readFileSync(path.join(cloud.bucket(BUCKET), name), 'utf8');
  assert.deepEqual(made.map(read), ['qcow2:5 some data', 'qcow2:20 a system']);
  const [row] = await listImageExports(cloud.database.read, {});
  assert.deepEqual([row?.taskId, row?.status, row?.progress, row?.failure], [TaskId, 'Finished', 100, null]);
  assert.deepEqual(await cloud.plane.listExports(), []);
  const withBlank = await imageWith(cloud, 'bytes');
  await exportImage(cloud, withBlank);
  await cloud.parts.imageFiles.work.idle();
  assert.deepEqual(
    filesOf(cloud).filter((name) => name.includes(withBlank)),
    [`${withBlank}_system.raw`],
  );
});

test('an image that is being exported is not deleted, and not exported again at the same time', async () => {
  await using cloud = await TestCloud.ready();
  putFile(cloud, 'x', 'x');
  const imageId = await imageWith(cloud, 'bytes');
  const gate = Promise.withResolvers<void>();
  cloud.plane.before = (method) => (method === 'openSnapshotExport' ? gate.promise : undefined);
  await exportImage(cloud, imageId);
  await refusal(exportImage(cloud, imageId), 'ImageIsExporting', 403);
  const remove = cloud.call(DeleteImage(cloud.parts), { RegionId: REGION, ImageId: imageId, Force: true });
  await refusal(remove, 'ImageIsExporting', 403);
  gate.resolve();
  await cloud.parts.imageFiles.work.idle();
  await exportImage(cloud, imageId);
});

test('an encrypted image is not written to a file in plain', async () => {
  await using cloud = await TestCloud.ready();
  putFile(cloud, 'x', 'x');
  const imageId = await imageWith(cloud, 'secret', { Encrypted: true });
  await refusal(exportImage(cloud, imageId), 'ImageNotSupported', 403);
  assert.deepEqual(filesOf(cloud), ['x']);
});

test('refused requests answer their documented code and export nothing', async () => {
  await using cloud = await TestCloud.ready();
  putFile(cloud, 'x', 'x');
  const imageId = await imageWith(cloud, 'bytes');
  const making = await imageWith(cloud, 'bytes', {}, { imageId: 'm-bp1000000000000000009', status: 'Creating' });
  const refused: readonly (readonly [Partial<ExportImageInput>, string, number])[] = [
    [{ ImageFormat: 'vmdk' }, 'InvalidImageFormat.Malformed', 400],
    [{ OSSPrefix: '../up' }, 'InvalidOSSPrefix.Malformed', 400],
    [{ OSSPrefix: 'a'.repeat(31) }, 'InvalidOSSPrefix.Malformed', 400],
    [{ OSSBucket: 'absent' }, 'InvalidOSSBucket.NotFound', 400],
    [{ OSSBucket: '..' }, 'InvalidOSSBucket.NotFound', 400],
    [{ RegionId: 'cn-nowhere' }, 'InvalidRegionId.NotFound', 404],
    [{ ImageId: 'm-bp1000000000000000000' }, 'InvalidImageId.NotFound', 404],
    [{ ImageId: making }, 'IncorrectImageStatus', 400],
    [{ DryRun: true }, 'DryRunOperation', 400],
  ];
  for (const [input, code, httpStatus] of refused)
    await cloud.refuses(() => exportImage(cloud, imageId, input), code, httpStatus);
  await refusal(exportImage(cloud, imageId, {}, { account: OTHER_ACCOUNT }), 'InvalidImageId.NotFound', 404);
  const parts = { ...cloud.parts, imageFiles: { ...cloud.parts.imageFiles, store: undefined } };
  const input = { RegionId: REGION, ImageId: imageId, OSSBucket: BUCKET };
  await refusal(cloud.call(ExportImage(parts), input), 'InvalidRegion.NotSupport', 403);
  assert.deepEqual(await listImageExports(cloud.database.read, {}), []);
});

test('permission: ecs:ExportImage on the image', async () => {
  await using cloud = await TestCloud.open();
  const call = cloud.callOf({ RegionId: REGION, ImageId: 'm-1', OSSBucket: 'b' });
  assert.deepEqual(await ExportImage(cloud.parts).access(call), [
    { action: 'ecs:ExportImage', resource: `acs:ecs:${REGION}:${ACCOUNT}:image/m-1` },
  ]);
});
