import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';

import { DescribeTaskAttribute } from '../../../../src/services/ecs/actions/DescribeTaskAttribute.ts';
import { imageWith } from '../images/copy-steps.ts';
import { BUCKET, exportImage, file, importImage, putFile } from '../images/file-steps.ts';
import { ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, refusal, REGION, TestCloud, type Asker } from '../test-cloud.ts';

const describe = (cloud: TestCloud, taskId: string | undefined, asker: Asker = {}) =>
  cloud.call(DescribeTaskAttribute(cloud.parts), { RegionId: REGION, TaskId: taskId ?? '' }, asker);

test('an import and an export tell how they stand, and how they ended', async () => {
  await using cloud = await TestCloud.ready();
  putFile(cloud, 'system.raw', '20 x');
  const gate = Promise.withResolvers<void>();
  cloud.plane.before = (method) => (method === 'openExport' ? gate.promise : undefined);
  const { TaskId, ImageId } = await importImage(cloud, [file('system.raw')]);
  const running = await describe(cloud, TaskId);
  assert.deepEqual([running.TaskAction, running.TaskStatus, running.SuccessCount], ['ImportImage', 'Processing', 0]);
  gate.resolve();
  await cloud.parts.imageFiles.work.idle();
  assert.deepEqual(await describe(cloud, TaskId), {
    TaskId,
    RegionId: REGION,
    TaskAction: 'ImportImage',
    TaskStatus: 'Finished',
    TaskProcess: '100%',
    SupportCancel: 'false',
    CreationTime: '2026-11-23T08:00:00Z',
    FinishedTime: '',
    TotalCount: 1,
    SuccessCount: 1,
    FailedCount: 0,
    OperationProgressSet: {
      OperationProgress: [
        {
          OperationStatus: 'Finished',
          ErrorCode: '',
          ErrorMsg: '',
          RelatedItemSet: { RelatedItem: [{ Name: 'ImageId', Value: ImageId }] },
        },
      ],
    },
  });
  const exported = await exportImage(cloud, ImageId ?? '');
  await cloud.parts.imageFiles.work.idle();
  const done = await describe(cloud, exported.TaskId);
  assert.deepEqual([done.TaskAction, done.TaskStatus, done.TaskProcess], ['ExportImage', 'Finished', '100%']);
});

test('one that failed says why', async () => {
  await using cloud = await TestCloud.ready();
  putFile(cloud, 'x', 'x');
  const imageId = await imageWith(cloud, 'bytes');
  cloud.plane.before = () => rmSync(cloud.bucket(BUCKET), { recursive: true, force: true });
  const { TaskId } = await exportImage(cloud, imageId);
  await cloud.parts.imageFiles.work.idle();
  const { TaskStatus, FailedCount, OperationProgressSet } = await describe(cloud, TaskId);
  assert.deepEqual([TaskStatus, FailedCount], ['Failed', 1]);
  const [step] = OperationProgressSet?.OperationProgress ?? [];
  assert.equal(step?.ErrorCode, 'InternalError');
  assert.ok(!step.ErrorMsg?.includes(cloud.bucket(BUCKET)), 'the folders of the server are its own');
});

test('a task of another account or region, and an image that was not imported, are no task', async () => {
  await using cloud = await TestCloud.ready();
  putFile(cloud, 'system.raw', '20 x');
  const { TaskId } = await importImage(cloud, [file('system.raw')]);
  const made = await imageWith(cloud, 'bytes');
  await refusal(describe(cloud, TaskId, { account: OTHER_ACCOUNT }), 'InvalidTaskId.NotFound', 400);
  await refusal(describe(cloud, TaskId, { region: OTHER_REGION }), 'InvalidTaskId.NotFound', 400);
  for (const taskId of [`t-${made.slice(2)}`, 't-bp1000000000000000000', ''])
    await refusal(describe(cloud, taskId), 'InvalidTaskId.NotFound', 400);
});

test('permission: ecs:DescribeTaskAttribute', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(await DescribeTaskAttribute(cloud.parts).access(cloud.callOf({ RegionId: REGION, TaskId: 't-1' })), [
    { action: 'ecs:DescribeTaskAttribute', resource: `acs:ecs:${REGION}:${ACCOUNT}:*` },
  ]);
});
