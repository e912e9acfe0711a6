import assert from 'node:assert/strict';
import { readdirSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { listImageExports } from '../../../../src/metadata/image-exports.ts';
import { findSnapshot } from '../../../../src/metadata/snapshots.ts';
import { ImageFileWork } from '../../../../src/services/ecs/images/image-file-work.ts';
import { finishRemovals, takeBackCreations } from '../../../../src/services/ecs/reconcile.ts';
import { never, TestCloud } from '../test-cloud.ts';
import { imageOf, imageWith } from './copy-steps.ts';
import { BUCKET, exportImage, file, importImage, putFile } from './file-steps.ts';

/** What a new control plane does over the same database and disk server. */
async function restarted(cloud: TestCloud): Promise<void> {
  await takeBackCreations(cloud.parts);
  await cloud.exports.reopenAll();
  await finishRemovals(cloud.parts);
  const { store, converter } = cloud.parts.imageFiles;
  await using work = new ImageFileWork({ ...cloud.parts, store, converter });
  work.wake();
  await work.idle();
}

function dyingAt(cloud: TestCloud, when: 'before' | 'after', method: string): Promise<void> {
  const died = Promise.withResolvers<void>();
  let dead = false;
  cloud.plane[when] = async (called) => {
    if (called !== method || dead) return;
    dead = true;
    died.resolve();
    await never();
  };
  return died.promise;
}

for (const method of ['createDisk', 'openExport', 'closeExport', 'createSnapshot', 'deleteDisk'])
  for (const when of ['before', 'after'] as const)
    test(`a control plane that dies ${when} ${method} has the image when it is back`, async () => {
      await using cloud = await TestCloud.open();
      putFile(cloud, 'system.raw', '20 a system');
      const died = dyingAt(cloud, when, method);
      const { ImageId } = await importImage(cloud, [file('system.raw')]);
      await died;
      cloud.plane[when] = () => {};
      await restarted(cloud);
      const image = await imageOf(cloud, ImageId);
      assert.deepEqual([image.status, image.failure], ['Available', null]);
      const snapshotId = image.devices[0]?.snapshotId ?? '';
      assert.deepEqual(cloud.plane.snapshotIds((await cloud.snapshot(snapshotId)).sourceDiskId), [snapshotId]);
      assert.deepEqual([cloud.plane.diskIds, await cloud.plane.listExports()], [[], []]);
    });

test('a file that went away makes the import fail, with its reason and without anything left', async () => {
  await using cloud = await TestCloud.open();
  putFile(cloud, 'system.raw', '20 a system');
  cloud.plane.before = (method) => {
    if (method === 'closeExport') unlinkSync(path.join(cloud.bucket(BUCKET), 'system.raw'));
    cloud.plane.before = () => {};
  };
  const { ImageId } = await importImage(cloud, [file('system.raw')]);
  const { devices } = await imageOf(cloud, ImageId);
  await cloud.parts.imageFiles.work.idle();
  const failed = await imageOf(cloud, ImageId);
  assert.deepEqual([failed.status, failed.devices[0]?.snapshotId], ['CreateFailed', null]);
  assert.match(failed.failure?.message ?? '', /no file system.raw/);
  assert.equal(await findSnapshot(cloud.database.read, devices[0]?.snapshotId ?? ''), undefined);
  assert.deepEqual([cloud.plane.diskIds, await cloud.plane.listExports()], [[], []]);
});

test('an export that was cut short is done again after a restart, and leaves no half file', async () => {
  await using cloud = await TestCloud.ready();
  putFile(cloud, 'x', 'x');
  const imageId = await imageWith(cloud, 'bytes');
  const died = dyingAt(cloud, 'after', 'openSnapshotExport');
  await exportImage(cloud, imageId);
  await died;
  cloud.plane.after = () => {};
  await restarted(cloud);
  assert.deepEqual(readdirSync(cloud.bucket(BUCKET)).toSorted(), [`${imageId}_system.raw`, 'x']);
  assert.equal((await listImageExports(cloud.database.read, {}))[0]?.status, 'Finished');
  assert.deepEqual(await cloud.plane.listExports(), []);
});
