import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import type { Disk, DiskUsage } from '../../../src/block/disk.ts';
import { GiB, MiB } from '../../../src/base/units.ts';
import { blockOf, DiskBench } from '../disk-fixture.ts';

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

/** By state, which write each block holds; 0 is none. */
class Modelled {
  readonly #bench: DiskBench;
  readonly #base: number;
  readonly #states = new Map<string, number[]>([['', Array.from({ length: WINDOW_BLOCKS }, () => 0)]]);
  #disk: Disk;
  #writes = 0;

  constructor(bench: DiskBench, disk: Disk, base: number) {
    this.#bench = bench;
    this.#disk = disk;
    this.#base = base;
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const each of steps) {
      await this.#apply(each);
      if (this.#writes % 3 === 0) this.#check(await this.#disk.usage());
    }
    this.#check(await this.#disk.usage());
    await this.#disk.close();
  }

  #check(usage: DiskUsage): void {
    const holders = new Map<number, number>();
    for (const blocks of this.#states.values())
      for (const write of new Set(blocks)) if (write > 0) holders.set(write, (holders.get(write) ?? 0) + 1);
    assert.deepEqual(usage.states.map(({ snapshotId }) => snapshotId).toSorted(), [...this.#states.keys()].toSorted());
    for (const state of usage.states) {
      const blocks = (this.#states.get(state.snapshotId) ?? []).filter((write) => write > 0);
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
    assert.ok(mapSlots >= 0 && mapSlots <= this.#states.size * 12, `${mapSlots} slots of maps`);
  }

  async #apply(each: Step): Promise<void> {
    const now = this.#states.get('') ?? [];
    switch (each.kind) {
      case 'write':
      case 'trim':
      case 'zero': {
        const count = Math.min(each.count, WINDOW_BLOCKS - each.block);
        const [offset, length] = [this.#base + each.block * 4096, count * 4096];
        if (each.kind === 'write') {
          const first = this.#writes + 1;
          await this.#disk.write(offset, Buffer.concat(Array.from({ length: count }, () => blockOf(++this.#writes))), {
            fua: false,
          });
          for (let i = 0; i < count; i++) now[each.block + i] = first + i;
        } else {
          if (each.kind === 'trim') await this.#disk.trim(offset, length, { fua: false });
          else await this.#disk.zero(offset, length, { fua: false, noHole: true });
          now.fill(0, each.block, each.block + count);
        }
        return;
      }
      case 'snapshot': {
        const snapshotId = `s-${this.#states.size}-${++this.#writes}`;
        await this.#disk.snapshot(snapshotId);
        this.#states.set(snapshotId, [...now]);
        return;
      }
      case 'checkpoint':
        await this.#disk.checkpoint();
        return;
      case 'delete': {
        const snapshotIds = [...this.#states.keys()].filter((name) => name !== '');
        const snapshotId = snapshotIds[this.#writes % Math.max(1, snapshotIds.length)];
        if (snapshotId === undefined) return;
        await this.#disk.deleteSnapshot(snapshotId);
        this.#states.delete(snapshotId);
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
  test(`what a disk and its snapshots take is counted exactly, ${where} of a disk`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 40, size: 'max' }), async (steps) => {
        using bench = new DiskBench('aes-256-gcm', { limits: SMALL_LIMITS });
        await bench.create('d-1', 2 * GiB);
        await new Modelled(bench, await bench.open(), base).run(steps);
      }),
      { numRuns: 12, seed: 20_261_123 },
    );
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
