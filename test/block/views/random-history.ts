/** A disk under random writes, snapshots, checkpoints and reopenings, and what each of its states holds. */
import { test } from 'node:test';

import fc from 'fast-check';

import { GiB, MiB } from '../../../src/base/units.ts';
import type { Disk } from '../../../src/block/disk.ts';
import { blockOf, DiskBench } from '../disk-fixture.ts';

/** The part of the disk that is used. */
export const WINDOW_BLOCKS = 1_280;
/** So that every boundary is met within some ten steps. */
export const SMALL_LIMITS = {
  segmentSlots: 40,
  checkpointSlots: 300,
  checkpointChanges: 100,
  mapPages: 3,
  openSegments: 2,
};

export type Step =
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

/** By block, which write it holds: each has a number of its own. 0 is a hole, -1 zeroes that are allocated. */
export type Contents = number[];

export class RandomHistory {
  readonly bench: DiskBench;
  /** Where the window begins, in bytes. */
  readonly base: number;
  readonly now: Contents = Array.from({ length: WINDOW_BLOCKS }, () => 0);
  readonly snapshots = new Map<string, Contents>();
  disk: Disk;
  #stamp = 0;

  constructor(bench: DiskBench, disk: Disk, base: number) {
    this.bench = bench;
    this.disk = disk;
    this.base = base;
  }

  /** @param remove deletes a snapshot. */
  async apply(each: Step, remove = (id: string): Promise<void> => this.disk.deleteSnapshot(id)): Promise<void> {
    switch (each.kind) {
      case 'write':
      case 'trim':
      case 'zero':
        return this.#change(each.kind, each.block, Math.min(each.count, WINDOW_BLOCKS - each.block));
      case 'snapshot': {
        const snapshotId = `s-${++this.#stamp}`;
        await this.disk.snapshot(snapshotId);
        this.snapshots.set(snapshotId, [...this.now]);
        return;
      }
      case 'checkpoint':
        await this.disk.checkpoint();
        return;
      case 'delete': {
        const snapshotId = [...this.snapshots.keys()][this.#stamp % Math.max(1, this.snapshots.size)];
        if (snapshotId === undefined) return;
        await remove(snapshotId);
        this.snapshots.delete(snapshotId);
        return;
      }
      case 'reopen': {
        const pin = await this.disk.close();
        this.disk = await this.bench.open({ pin });
      }
    }
  }

  async #change(kind: 'write' | 'trim' | 'zero', block: number, count: number): Promise<void> {
    const [offset, length] = [this.base + block * 4096, count * 4096];
    if (kind === 'write') {
      const first = this.#stamp + 1;
      const data = Buffer.concat(Array.from({ length: count }, () => blockOf(++this.#stamp)));
      await this.disk.write(offset, data, { fua: false });
      for (let i = 0; i < count; i++) this.now[block + i] = first + i;
      return;
    }
    if (kind === 'trim') await this.disk.trim(offset, length, { fua: false });
    else await this.disk.zero(offset, length, { fua: false, noHole: true });
    this.now.fill(kind === 'trim' ? 0 : -1, block, block + count);
  }
}

/** Tests a promise on a dozen histories in each of two places. @param run applies the steps, looks, and leaves the disk open. */
export function testHistories(
  promise: string,
  run: (history: RandomHistory, steps: readonly Step[]) => Promise<void>,
): void {
  for (const [where, base] of [
    ['at the start', 0],
    ['across a border of higher pages', 1_024 * MiB - 640 * 4096],
  ] as const)
    test(`${promise}, ${where} of a disk`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 40, size: 'max' }), async (steps) => {
          using bench = new DiskBench('aes-256-gcm', { limits: SMALL_LIMITS });
          await bench.create('d-1', 2 * GiB);
          const history = new RandomHistory(bench, await bench.open(), base);
          await run(history, steps);
          await history.disk.close();
        }),
        { numRuns: 12, seed: 20_261_123 },
      );
    });
}
