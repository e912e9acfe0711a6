import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { cloneDisk, openSnapshotView } from '../../../src/block/disk.ts';
import type { ChangedExtent, Disk } from '../../../src/block/disk.ts';
import { GiB, MiB } from '../../../src/base/units.ts';
import { blockOf, dataKeyOf, DiskBench } from '../disk-fixture.ts';

const WINDOW_BLOCKS = 1_280;
const SMALL_LIMITS = { segmentSlots: 40, checkpointSlots: 300, checkpointChanges: 100, mapPages: 3, openSegments: 2 };

type Step =
  | { readonly kind: 'write' | 'trim' | 'zero'; readonly block: number; readonly count: number }
  | { readonly kind: 'snapshot' | 'checkpoint' | 'reopen' | 'delete' };

const range = fc.record({ block: fc.nat(WINDOW_BLOCKS - 1), count: fc.constantFrom(1, 1, 2, 7, 40, 600, 1_280) });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: range.map((at) => ({ kind: 'write' as const, ...at, count: Math.min(at.count, 40) })) },
  { weight: 2, arbitrary: range.map((at) => ({ kind: 'trim' as const, ...at })) },
  { weight: 1, arbitrary: range.map((at) => ({ kind: 'zero' as const, ...at })) },
  {
    weight: 4,
    arbitrary: fc.constantFrom('snapshot', 'snapshot', 'checkpoint', 'reopen', 'delete').map((kind) => ({
      kind: kind as 'snapshot',
    })),
  },
);

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

/** What a block holds, as a number that no other content has: 0 is a hole, -1 zeroes that are allocated. */
type Contents = number[];

class Modelled {
  readonly #bench: DiskBench;
  readonly #base: number;
  readonly #now: Contents = Array.from({ length: WINDOW_BLOCKS }, () => 0);
  readonly #snapshots = new Map<string, Contents>();
  #disk: Disk;
  #stamp = 0;

  constructor(bench: DiskBench, disk: Disk, base: number) {
    this.#bench = bench;
    this.#disk = disk;
    this.#base = base;
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const each of steps) await this.#apply(each);
    for (const [snapshotId, then] of this.#snapshots) {
      const found = await extentsOf(
        (at, length) => this.#disk.changedSince(snapshotId, at, length),
        this.#base,
        WINDOW_BLOCKS * 4096,
      );
      this.#expect(found, then, this.#now, `since ${snapshotId}`);
    }
    await this.#betweenSnapshots();
    await this.#disk.close();
  }

  async #betweenSnapshots(): Promise<void> {
    const names = [...this.#snapshots.keys()];
    for (const [from, to] of [
      [names[0], names.at(-1)],
      [names.at(-1), names[0]],
      [names[1], names[2]],
    ]) {
      if (from === undefined || to === undefined) continue;
      const [base, view] = [await this.#view(from), await this.#view(to)];
      const ask = (at: number, length: number) => view.changedSince(base, at, length);
      const found = await extentsOf(ask, this.#base, WINDOW_BLOCKS * 4096);
      this.#expect(found, this.#snapshots.get(from) ?? [], this.#snapshots.get(to) ?? [], `${from} to ${to}`);
      await Promise.all([base.close(), view.close()]);
    }
  }

  #view(snapshotId: string) {
    return openSnapshotView(this.#bench.env, {
      directory: this.#bench.directory(),
      retiredDirectory: '/nowhere',
      diskId: 'd-1',
      snapshotId,
      dataKey: dataKeyOf(this.#bench.suite),
      pin: undefined,
    });
  }

  /** Each write has a number of its own, so that equal numbers are the same write. */
  #expect(found: readonly boolean[], then: Contents, now: Contents, what: string): void {
    assert.equal(found.length, WINDOW_BLOCKS);
    for (let block = 0; block < WINDOW_BLOCKS; block++)
      assert.equal(found[block], then[block] !== now[block], `block ${block} ${what}`);
  }

  async #apply(each: Step): Promise<void> {
    switch (each.kind) {
      case 'write':
      case 'trim':
      case 'zero': {
        const count = Math.min(each.count, WINDOW_BLOCKS - each.block);
        const [offset, length] = [this.#base + each.block * 4096, count * 4096];
        if (each.kind === 'write') {
          const first = this.#stamp + 1;
          const data = Buffer.concat(Array.from({ length: count }, () => blockOf(++this.#stamp)));
          await this.#disk.write(offset, data, { fua: false });
          for (let i = 0; i < count; i++) this.#now[each.block + i] = first + i;
        } else {
          if (each.kind === 'trim') await this.#disk.trim(offset, length, { fua: false });
          else await this.#disk.zero(offset, length, { fua: false, noHole: true });
          this.#now.fill(each.kind === 'trim' ? 0 : -1, each.block, each.block + count);
        }
        return;
      }
      case 'snapshot': {
        const snapshotId = `s-${++this.#stamp}`;
        await this.#disk.snapshot(snapshotId);
        this.#snapshots.set(snapshotId, [...this.#now]);
        return;
      }
      case 'checkpoint':
        await this.#disk.checkpoint();
        return;
      case 'delete': {
        const [oldest] = this.#snapshots.keys();
        if (oldest === undefined) return;
        await this.#disk.changedSince(oldest, 0, 4096);
        await this.#disk.deleteSnapshot(oldest);
        this.#snapshots.delete(oldest);
        await assert.rejects(this.#disk.changedSince(oldest, 0, 4096), { code: 'SNAPSHOT_NOT_FOUND' });
        return;
      }
      case 'reopen': {
        const pin = await this.#disk.close();
        this.#disk = await this.#bench.open({ pin });
      }
    }
  }
}

for (const [where, base] of [
  ['at the start', 0],
  ['across a border of higher pages', 1_024 * MiB - 640 * 4096],
] as const)
  test(`what changed since a snapshot is exact, ${where} of a disk`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 40, size: 'max' }), async (steps) => {
        using bench = new DiskBench('aes-256-gcm', { limits: SMALL_LIMITS });
        await bench.create('d-1', 2 * GiB);
        await new Modelled(bench, await bench.open(), base).run(steps);
      }),
      { numRuns: 12, seed: 20_261_123 },
    );
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
  const common = { directory: bench.directory(), retiredDirectory: '/nowhere', diskId: 'd-1', pin: undefined };
  for (const snapshotId of ['s-1', 's-2']) {
    const view = await openSnapshotView(bench.env, { ...common, snapshotId, dataKey: dataKeyOf(bench.suite) });
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
