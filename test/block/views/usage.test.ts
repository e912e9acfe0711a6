import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { DiskUsage } from '../../../src/block/disk.ts';
import { GiB, MiB } from '../../../src/base/units.ts';
import { blockOf, DiskBench } from '../disk-fixture.ts';
import { SMALL_LIMITS, testHistories } from './random-history.ts';
import type { Contents, RandomHistory } from './random-history.ts';

function assertCounted(usage: DiskUsage, { now, snapshots }: RandomHistory): void {
  const expected = new Map<string, Contents>([['', now], ...snapshots]);
  const holders = new Map<number, number>();
  for (const blocks of expected.values())
    for (const write of new Set(blocks)) if (write > 0) holders.set(write, (holders.get(write) ?? 0) + 1);
  assert.deepEqual(usage.states.map(({ snapshotId }) => snapshotId).toSorted(), [...expected.keys()].toSorted());
  for (const state of usage.states) {
    const blocks = (expected.get(state.snapshotId) ?? []).filter((write) => write > 0);
    const exclusive = blocks.filter((write) => holders.get(write) === 1);
    const what = `state ${state.snapshotId}`;
    assert.equal(state.allocatedBytes, blocks.length * 4096, what);
    assert.equal(state.exclusiveBytes, exclusive.length * 4096, what);
    const [pages, ownPages] = [
      state.storedBytes / 4128 - blocks.length,
      state.exclusiveStoredBytes / 4128 - exclusive.length,
    ];
    assert.ok(ownPages >= 0 && ownPages <= pages && pages <= 9 + 3, `${what}: ${ownPages} of ${pages} map slots`);
  }
  const mapSlots = usage.storedBytes / 4128 - holders.size;
  assert.ok(mapSlots >= 0 && mapSlots <= expected.size * 12, `${mapSlots} slots of maps`);
}

testHistories('what a disk and its snapshots take is counted exactly', async (history, steps) => {
  for (const [i, each] of steps.entries()) {
    await history.apply(each);
    if (i % 3 === 0) assertCounted(await history.disk.usage(), history);
  }
  assertCounted(await history.disk.usage(), history);
});

test('an empty disk of 64 TiB takes nothing, and counting it takes no time', async () => {
  using bench = new DiskBench();
  await bench.create('d-1', 64 * 1024 * GiB);
  const disk = await bench.open();
  const nothing = { allocatedBytes: 0, exclusiveBytes: 0, storedBytes: 0, exclusiveStoredBytes: 0 };
  assert.deepEqual(await disk.usage(), { states: [{ snapshotId: '', ...nothing }], storedBytes: 0 });
  await disk.write(60_000 * GiB, blockOf(1), { fua: false });
  const inMemory = { ...nothing, allocatedBytes: 4096, exclusiveBytes: 4096, storedBytes: 4128 };
  assert.deepEqual((await disk.usage()).states, [{ snapshotId: '', ...inMemory, exclusiveStoredBytes: 4128 }]);
  await disk.snapshot('s-1');
  // A leaf, and two copies of each of the three pages above it.
  const stored = (1 + 7) * 4128;
  const shared = { ...nothing, allocatedBytes: 4096, storedBytes: stored };
  assert.deepEqual(await disk.usage(), {
    states: [
      { snapshotId: '', ...shared },
      { snapshotId: 's-1', ...shared },
    ],
    storedBytes: stored,
  });
  // One block more in memory does not make the shared pages two.
  await disk.write(60_000 * GiB + 4096, blockOf(2), { fua: false });
  assert.deepEqual(await disk.usage(), {
    states: [
      {
        snapshotId: '',
        allocatedBytes: 2 * 4096,
        exclusiveBytes: 4096,
        storedBytes: stored + 4128,
        exclusiveStoredBytes: 4128,
      },
      { snapshotId: 's-1', ...shared },
    ],
    storedBytes: stored + 4128,
  });
  await disk.close();
});

test('counting goes on while the disk is written, and gives way to it', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: { ...SMALL_LIMITS, checkpointSlots: 2_000, mapPages: 100 } });
  await bench.create('d-1', 2 * GiB);
  const disk = await bench.open();
  for (let leaf = 0; leaf < 400; leaf++) await disk.write(leaf * 2 * MiB, blockOf(leaf), { fua: false });
  await disk.snapshot('s-1');
  let counting = true;
  const counted = disk.usage().finally(() => {
    counting = false;
  });
  let writes = 0;
  for (; counting; writes++) await disk.write((writes % 400) * 2 * MiB, blockOf(1_000 + writes), { fua: false });
  assert.ok(writes > 0, 'writes went on');
  const usage = await counted;
  for (const { allocatedBytes } of usage.states) assert.equal(allocatedBytes, 400 * 4096);
  await disk.close();
});
