import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../../../src/base/errors.ts';
import { findImage, images, type Image } from '../../../../src/metadata/images.ts';
import { findSnapshot } from '../../../../src/metadata/snapshots.ts';
import { DeleteImage } from '../../../../src/services/ecs/actions/DeleteImage.ts';
import { ImageCopies } from '../../../../src/services/ecs/images/image-copies.ts';
import { finishRemovals, takeBackCreations } from '../../../../src/services/ecs/reconcile.ts';
import { ACCOUNT, never, REGION, type TestCloud } from '../test-cloud.ts';
import { copy, imageOf, imageWith, openTwoRegions, systemSnapshot } from './copy-steps.ts';

const ENCRYPTED = { Encrypted: true };

/** What a new control plane does over the same database and disk server. */
async function restarted(cloud: TestCloud): Promise<ImageCopies> {
  await takeBackCreations(cloud.parts);
  await finishRemovals(cloud.parts);
  const copies = new ImageCopies(cloud.parts);
  copies.wake();
  await copies.idle();
  return copies;
}

/** Lets the control plane die at the `step`th time that `method` is called, before it or after it. */
function dyingAt(cloud: TestCloud, when: 'before' | 'after', method: string, step = 1): Promise<void> {
  const died = Promise.withResolvers<void>();
  let calls = 0;
  cloud.plane[when] = async (called) => {
    if (called !== method || ++calls !== step) return;
    died.resolve();
    await never();
  };
  return died.promise;
}

const STEPS = ['cloneDisk', 'continueReencryption', 'createSnapshot', 'deleteDisk'] as const;

for (const method of STEPS)
  for (const when of ['before', 'after'] as const)
    test(`a control plane that dies ${when} ${method} makes the copy when it is back`, async () => {
      await using cloud = await openTwoRegions();
      const source = await imageWith(cloud, 'bytes');
      const died = dyingAt(cloud, when, method);
      const { ImageId } = await copy(cloud, source, ENCRYPTED);
      await died;
      cloud.plane[when] = () => {};
      assert.equal((await imageOf(cloud, ImageId)).status, 'Creating');
      await using _copies = await restarted(cloud);
      const made = await imageOf(cloud, ImageId);
      assert.deepEqual([made.status, made.progress, made.failure], ['Available', 100, null]);
      const { sourceDiskId, snapshotId, status } = await systemSnapshot(cloud, made);
      assert.equal(status, 'accomplished');
      assert.deepEqual(cloud.plane.snapshotIds(sourceDiskId), [snapshotId]);
      assert.ok(!cloud.plane.diskIds.includes(sourceDiskId));
    });

/** Nothing is left of the copy but, perhaps, its row. */
async function assertGone(cloud: TestCloud, before: readonly string[], devices: Image['devices']): Promise<void> {
  assert.deepEqual(cloud.plane.diskIds, before);
  for (const { snapshotId } of devices)
    if (snapshotId !== null) assert.equal(await findSnapshot(cloud.database.read, snapshotId), undefined);
}

test('a copy that cannot go on is CreateFailed with its reason, and leaves nothing behind; also after a crash in between', async () => {
  for (const crash of [false, true]) {
    await using cloud = await openTwoRegions();
    const keyId = await cloud.createKey();
    const source = await imageWith(cloud, 'bytes');
    const disks = cloud.plane.diskIds;
    cloud.plane.after = async (method) => {
      if (method === 'cloneDisk') await cloud.disableKey(keyId);
    };
    const died = crash ? dyingAt(cloud, 'before', 'deleteDisk') : undefined;
    const { ImageId } = await copy(cloud, source, { ...ENCRYPTED, KMSKeyId: keyId });
    const { devices } = await imageOf(cloud, ImageId);
    await died;
    cloud.plane.before = () => {};
    if (crash) await (await restarted(cloud))[Symbol.asyncDispose]();
    else await cloud.parts.imageCopies.idle();
    const failed = await imageOf(cloud, ImageId);
    assert.deepEqual([failed.status, failed.failure?.code], ['CreateFailed', 'CMKNotEnabled']);
    assert.ok(failed.devices.every(({ snapshotId }) => snapshotId === null));
    await assertGone(cloud, disks, devices);
  }
});

test('a disk server that does not answer is waited for', async () => {
  await using cloud = await openTwoRegions();
  const source = await imageWith(cloud, 'bytes');
  cloud.plane.before = (method) => {
    if (method === 'createSnapshot') throw new SystemError('unavailable', 'GONE', 'no answer');
  };
  const { ImageId } = await copy(cloud, source, ENCRYPTED);
  await cloud.parts.imageCopies.idle();
  assert.equal((await imageOf(cloud, ImageId)).status, 'Creating');
  cloud.plane.before = () => {};
  cloud.parts.imageCopies.wake();
  await cloud.parts.imageCopies.idle();
  assert.equal((await imageOf(cloud, ImageId)).status, 'Available');
});

test('five copies of a region are made at once, the others wait and follow; progress is told', async () => {
  await using cloud = await openTwoRegions();
  const source = await imageWith(cloud, 'bytes');
  const gate = Promise.withResolvers<void>();
  cloud.plane.before = (method) => (method === 'cloneDisk' ? gate.promise : undefined);
  const ids: string[] = [];
  for (let index = 0; index < 7; index += 1) ids.push((await copy(cloud, source, ENCRYPTED)).ImageId ?? '');
  const statuses = async () => await Promise.all(ids.map(async (id) => (await imageOf(cloud, id)).status));
  const making = Array.from({ length: 5 }, () => 'Creating');
  assert.deepEqual(await statuses(), [...making, 'Waiting', 'Waiting']);
  const elsewhere = await copy(cloud, source, { DestinationRegionId: 'cn-shanghai' });
  assert.equal((await imageOf(cloud, elsewhere.ImageId)).status, 'Creating');
  gate.resolve();
  await cloud.parts.imageCopies.idle();
  assert.deepEqual(new Set(await statuses()), new Set(['Available']));
  assert.equal((await images.findAll(cloud.database.read, { accountId: ACCOUNT, regionId: REGION })).length, 8);
});

test('the source stays as long as it is copied', async () => {
  await using cloud = await openTwoRegions();
  const source = await imageWith(cloud, 'bytes');
  const died = dyingAt(cloud, 'before', 'cloneDisk');
  const { ImageId } = await copy(cloud, source, ENCRYPTED);
  await died;
  const remove = (imageId: string) =>
    cloud.call(DeleteImage(cloud.parts), { RegionId: REGION, ImageId: imageId, Force: true });
  await assert.rejects(remove(source), { code: 'OperationDenied.ImageCopying' });
  await assert.rejects(remove(ImageId ?? ''), { code: 'OperationDenied.ImageCopying' });
  assert.ok((await findImage(cloud.database.read, source)) !== undefined);
});

test('the copy is taken when everything in its store is sealed anew, and not before', async () => {
  await using cloud = await openTwoRegions();
  const source = await imageWith(cloud, 'bytes');
  const told: string[] = [];
  const goOn = cloud.plane.continueReencryption.bind(cloud.plane);
  cloud.plane.continueReencryption = async (request) => {
    const state = await goOn(request);
    told.push(state === undefined ? 'closed' : state.progress === undefined ? 'sealed' : 'not yet');
    return state;
  };
  cloud.plane.before = (method) => void (method === 'createSnapshot' && told.push('taken'));
  await copy(cloud, source, ENCRYPTED);
  await cloud.parts.imageCopies.idle();
  assert.deepEqual(told, ['closed', 'not yet', 'closed', 'sealed', 'taken']);
});
