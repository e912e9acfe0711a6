import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cloneDisk, openSnapshotView } from '../../../src/block/disk.ts';
import type { ChangedExtent } from '../../../src/block/disk.ts';
import { GiB } from '../../../src/base/units.ts';
import { blockOf, dataKeyOf, DiskBench } from '../disk-fixture.ts';
import { SMALL_LIMITS, testHistories, WINDOW_BLOCKS } from './random-history.ts';
import type { Contents, RandomHistory } from './random-history.ts';

/** Every extent of a range, asked for piece by piece as a client does. */
async function extentsOf(
  ask: (offset: number, length: number) => Promise<readonly ChangedExtent[]>,
  offset: number,
  length: number,
): Promise<boolean[]> {
  const dirty: boolean[] = [];
  for (let at = offset; at < offset + length;) {
    const extents = await ask(at, offset + length - at);
    assert.ok(extents.length > 0, 'an answer gets further');
    for (const [i, extent] of extents.entries()) {
      assert.ok(extent.lengthBytes > 0 && extent.dirty !== extents[i - 1]?.dirty, 'extents are whole');
      for (let end = at + extent.lengthBytes; at < end; at += 4096) dirty.push(extent.dirty);
    }
  }
  return dirty;
}

/** Each write has a number of its own, so that equal numbers are the same write. */
function assertChanged(found: readonly boolean[], then: Contents, now: Contents, what: string): void {
  assert.equal(found.length, WINDOW_BLOCKS);
  for (let block = 0; block < WINDOW_BLOCKS; block++)
    assert.equal(found[block], then[block] !== now[block], `block ${block} ${what}`);
}

async function assertChangedBetween({ bench, base, snapshots }: RandomHistory, from?: string, to?: string) {
  const [then, now] = [snapshots.get(from ?? ''), snapshots.get(to ?? '')];
  if (from === undefined || to === undefined || then === undefined || now === undefined) return;
  const [older, view] = [await viewOf(bench, from), await viewOf(bench, to)];
  const ask = (at: number, length: number) => view.changedSince(older, at, length);
  assertChanged(await extentsOf(ask, base, WINDOW_BLOCKS * 4096), then, now, `${from} to ${to}`);
  await Promise.all([older.close(), view.close()]);
}

function viewOf(bench: DiskBench, snapshotId: string) {
  return openSnapshotView(bench.env, {
    directory: bench.directory(),
    retiredDirectory: '/nowhere',
    diskId: 'd-1',
    snapshotId,
    dataKey: dataKeyOf(bench.suite),
    pin: undefined,
  });
}

testHistories('what changed since a snapshot is exact', async (history, steps) => {
  const remove = async (snapshotId: string): Promise<void> => {
    await history.disk.changedSince(snapshotId, 0, 4096);
    await history.disk.deleteSnapshot(snapshotId);
    await assert.rejects(history.disk.changedSince(snapshotId, 0, 4096), { code: 'SNAPSHOT_NOT_FOUND' });
  };
  for (const each of steps) await history.apply(each, remove);
  const { base, disk, now, snapshots } = history;
  for (const [snapshotId, then] of snapshots) {
    const ask = (at: number, length: number) => disk.changedSince(snapshotId, at, length);
    assertChanged(await extentsOf(ask, base, WINDOW_BLOCKS * 4096), then, now, `since ${snapshotId}`);
  }
  const names = [...snapshots.keys()];
  await assertChangedBetween(history, names[0], names.at(-1));
  await assertChangedBetween(history, names.at(-1), names[0]);
  await assertChangedBetween(history, names[1], names[2]);
});

test('a large disk that hardly changed is compared in a few steps', async () => {
  using bench = new DiskBench();
  await bench.create('d-1', 64 * 1024 * GiB);
  const disk = await bench.open();
  for (const at of [0, 5 * GiB, 60_000 * GiB]) await disk.write(at, blockOf(1), { fua: false });
  await disk.snapshot('s-1');
  assert.deepEqual(await disk.changedSince('s-1', 0, disk.sizeBytes), [{ lengthBytes: disk.sizeBytes, dirty: false }]);
  await disk.write(5 * GiB + 3 * 4096, blockOf(2), { fua: false });
  await disk.trim(60_000 * GiB + 100, GiB, { fua: false });
  for (const settle of [undefined, () => disk.checkpoint()]) {
    await settle?.();
    assert.deepEqual(await disk.changedSince('s-1', 0, disk.sizeBytes), [
      { lengthBytes: 5 * GiB + 3 * 4096, dirty: false },
      { lengthBytes: 4096, dirty: true },
      { lengthBytes: disk.sizeBytes - 5 * GiB - 4 * 4096, dirty: false },
    ]);
    assert.deepEqual(await disk.changedSince('s-1', 5 * GiB + 3 * 4096 + 100, 50), [{ lengthBytes: 50, dirty: true }]);
  }
  await disk.close();
});

test('a clone is compared with the snapshot that it was made from, although both disks went on', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: SMALL_LIMITS });
  await bench.create();
  const parent = await bench.open();
  for (let block = 0; block < 100; block++) await parent.write(block * 4096, blockOf(block + 1), { fua: false });
  await parent.snapshot('s-1');
  const dataKey = dataKeyOf(bench.suite, 99);
  const source = { directory: bench.directory(), snapshotId: 's-1', dataKey: dataKeyOf(bench.suite), pin: undefined };
  await cloneDisk(bench.env, source, { directory: bench.directory('d-2'), identity: bench.identity('d-2'), dataKey });
  const clone = await bench.open({ diskId: 'd-2', dataKey });
  // The same blocks in both, so that both give the same numbers to other segments.
  for (const disk of [parent, clone]) {
    for (const block of [3, 4, 90]) await disk.write(block * 4096, blockOf(1_000 + block), { fua: false });
    await disk.checkpoint();
  }
  await parent.snapshot('s-2');
  for (const snapshotId of ['s-1', 's-2']) {
    const view = await viewOf(bench, snapshotId);
    const dirty = await extentsOf((at, length) => clone.changedFrom(view, at, length), 0, 100 * 4096);
    const changed = dirty.flatMap((isDirty, block) => (isDirty ? [block] : []));
    assert.deepEqual(changed, [3, 4, 90], snapshotId);
    await view.close();
  }
  await clone.close();
  await parent.close();
});

test('what changed is told right while checkpoints move it from memory into the map', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: { ...SMALL_LIMITS, mapPages: 2 } });
  await bench.create('d-1', 2 * GiB);
  const disk = await bench.open();
  const leafBytes = 512 * 4096;
  const leaves = 24;
  for (let leaf = 0; leaf < leaves; leaf++) await disk.write(leaf * leafBytes, blockOf(leaf + 1), { fua: false });
  await disk.snapshot('s-1');
  const changed = new Set<number>();
  for (let leaf = 0; leaf < leaves; leaf += 2) {
    await disk.write(leaf * leafBytes, blockOf(100 + leaf), { fua: false });
    changed.add(leaf);
    let checkpointing = true;
    const checkpoint = disk.checkpoint().finally(() => {
      checkpointing = false;
    });
    while (checkpointing) {
      for (const each of [leaf, leaf + 1]) {
        const [extent] = await disk.changedSince('s-1', each * leafBytes, 4096);
        assert.equal(extent?.dirty, changed.has(each), `leaf ${each}`);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await checkpoint;
  }
  await disk.close();
});
