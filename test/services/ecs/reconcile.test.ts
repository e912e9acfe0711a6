import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../../src/base/errors.ts';
import { DeleteDisk } from '../../../src/services/ecs/actions/DeleteDisk.ts';
import { DeleteSnapshot } from '../../../src/services/ecs/actions/DeleteSnapshot.ts';
import { finishRemovals, takeBackCreations } from '../../../src/services/ecs/reconcile.ts';
import { never, TestCloud } from './test-cloud.ts';

type Method = Parameters<TestCloud['plane']['before']>[0];

/** Runs `attempt` until it reaches `method` and lets the control plane die there. */
async function diesAt(
  cloud: TestCloud,
  when: 'before' | 'after',
  method: Method,
  attempt: () => Promise<unknown>,
): Promise<void> {
  let reached: () => void = () => {};
  const there = new Promise<void>((resolve) => (reached = resolve));
  cloud.plane[when] = (called) => {
    if (called !== method) return;
    reached();
    return never();
  };
  void attempt();
  await there;
  cloud.plane[when] = () => {};
}

async function restart(cloud: TestCloud): Promise<{ settled: number; left: number }> {
  await takeBackCreations(cloud.parts);
  return finishRemovals(cloud.parts);
}

async function snapshotted(cloud: TestCloud): Promise<{ diskId: string; snapshotId: string }> {
  const diskId = await cloud.createDisk();
  await cloud.useDisk(diskId);
  return { diskId, snapshotId: await cloud.createSnapshot(diskId) };
}

for (const when of ['before', 'after'] as const) {
  test(`a death ${when} the files of a new disk are made leaves nothing of it`, async () => {
    await using cloud = await TestCloud.ready();
    const kept = await cloud.createDisk({ Encrypted: true });
    const before = await cloud.everything();
    await diesAt(cloud, when, 'createDisk', () => cloud.createDisk({ Encrypted: true }));
    assert.deepEqual(await restart(cloud), { settled: 1, left: 0 });
    assert.deepEqual(await cloud.everything(), before);
    assert.deepEqual(cloud.plane.diskIds, [kept]);
  });

  test(`a death ${when} a disk is cloned leaves the snapshot and nothing else`, async () => {
    await using cloud = await TestCloud.open();
    const { snapshotId: SnapshotId } = await snapshotted(cloud);
    const before = await cloud.everything();
    await diesAt(cloud, when, 'cloneDisk', () => cloud.createDisk({ SnapshotId }));
    await restart(cloud);
    assert.deepEqual(await cloud.everything(), before);
    await cloud.createDisk({ SnapshotId });
  });

  test(`a death ${when} a snapshot is taken leaves nothing of it, and the next one can be taken`, async () => {
    await using cloud = await TestCloud.open();
    const { diskId } = await snapshotted(cloud);
    const { rows: before } = (await cloud.everything()) as { rows: unknown };
    await diesAt(cloud, when, 'createSnapshot', () => cloud.createSnapshot(diskId));
    await restart(cloud);
    assert.deepEqual(((await cloud.everything()) as { rows: unknown }).rows, before);
    assert.equal(cloud.plane.snapshotIds(diskId).length, 1);
    await cloud.createSnapshot(diskId);
  });

  test(`a death ${when} the files of a deleted disk are removed: the removal is finished, snapshots are kept`, async () => {
    await using cloud = await TestCloud.open();
    const { diskId, snapshotId } = await snapshotted(cloud);
    await diesAt(cloud, when, 'deleteDisk', () => cloud.call(DeleteDisk(cloud.parts), { DiskId: diskId }));
    assert.deepEqual(await restart(cloud), { settled: 1, left: 0 });
    assert.deepEqual(cloud.plane.diskIds, []);
    assert.deepEqual(cloud.plane.snapshotIds(diskId), [snapshotId]);
    await cloud.createDisk({ SnapshotId: snapshotId });
  });

  test(`a death ${when} a snapshot is removed: the removal is finished`, async () => {
    await using cloud = await TestCloud.open();
    const { diskId, snapshotId } = await snapshotted(cloud);
    await diesAt(cloud, when, 'deleteSnapshot', () =>
      cloud.call(DeleteSnapshot(cloud.parts), { SnapshotId: snapshotId }),
    );
    assert.deepEqual(await restart(cloud), { settled: 1, left: 0 });
    assert.deepEqual(cloud.plane.snapshotIds(diskId), []);
  });
}

test('what cannot be finished is counted, logged, does not hold up the rest, and is finished later', async () => {
  await using cloud = await TestCloud.open();
  const [stuck, other] = [await cloud.createDisk(), await cloud.createDisk()];
  const fails = (method: Method, ids: readonly string[]): void => {
    if (method === 'deleteDisk' && ids[0] === stuck) throw new SystemError('unavailable', 'X', 'not now');
  };
  for (const DiskId of [stuck, other]) {
    await diesAt(cloud, 'before', 'deleteDisk', () => cloud.call(DeleteDisk(cloud.parts), { DiskId }));
  }
  cloud.plane.before = fails;
  assert.deepEqual(await restart(cloud), { settled: 1, left: 1 });
  assert.ok(cloud.events.some(({ fields }) => 'diskId' in fields && fields.diskId === stuck));
  cloud.plane.before = () => {};
  assert.deepEqual(await finishRemovals(cloud.parts), { settled: 1, left: 0 });
  assert.deepEqual(await finishRemovals(cloud.parts), { settled: 0, left: 0 });
  assert.deepEqual(cloud.plane.diskIds, []);
});

test('a failed creation whose files cannot be removed now is hidden and removed later', async () => {
  await using cloud = await TestCloud.open();
  cloud.plane.after = (method) => {
    if (method === 'createDisk') throw new SystemError('unavailable', 'X', 'reply lost');
  };
  cloud.plane.before = (method) => {
    if (method === 'deleteDisk') throw new SystemError('unavailable', 'X', 'gone');
  };
  await assert.rejects(cloud.createDisk(), { code: 'ServiceUnavailable' });
  assert.equal(cloud.plane.diskIds.length, 1);
  cloud.plane.before = () => {};
  assert.deepEqual(await finishRemovals(cloud.parts), { settled: 1, left: 0 });
  assert.deepEqual(cloud.plane.diskIds, []);
});
