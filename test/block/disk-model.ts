/** Any sequence of operations on a disk, done to plain bytes as well. */
import assert from 'node:assert/strict';

import fc from 'fast-check';

import { cloneDisk } from '../../src/block/disk.ts';
import type { Disk } from '../../src/block/disk.ts';
import type { Suite } from '../../src/crypto/aead.ts';
import { MiB } from '../../src/base/units.ts';
import { blockOf, dataKeyOf, DiskBench } from './disk-fixture.ts';

/** The part of the disk that the model knows: 2 leaves of the map and a bit, at the start and across a far boundary. */
const WINDOW_BYTES = 5 * MiB;
export const SMALL_LIMITS = {
  segmentSlots: 40,
  checkpointSlots: 300,
  checkpointChanges: 100,
  mapPages: 3,
  openSegments: 2,
};

type Step =
  | { readonly kind: 'write' | 'trim' | 'zero'; readonly offset: number; readonly length: number }
  | { readonly kind: 'flush' | 'checkpoint' | 'snapshot' | 'reopen' | 'crash' | 'clone' };

const range = fc.record({
  offset: fc.oneof(
    fc.nat(WINDOW_BYTES - 1),
    fc.nat(1_279).map((block) => block * 4096),
  ),
  length: fc.oneof(fc.integer({ min: 1, max: 40_000 }), fc.constantFrom(1, 512, 4096, 8192, 2 * MiB, 5 * MiB)),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: range.map((at) => ({ kind: 'write' as const, ...at })) },
  { weight: 2, arbitrary: range.map((at) => ({ kind: 'trim' as const, ...at })) },
  { weight: 2, arbitrary: range.map((at) => ({ kind: 'zero' as const, ...at })) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('flush', 'checkpoint', 'snapshot', 'reopen', 'crash', 'clone')
      .map((kind) => ({ kind: kind as 'flush' })),
  },
);

/** Does the same to the disk and to plain bytes. */
class Modelled {
  readonly #bench: DiskBench;
  readonly #base: number;
  readonly #model = Buffer.alloc(WINDOW_BYTES);
  readonly #snapshots = new Map<string, Buffer>();
  #disk: Disk;
  #stamp = 1;

  constructor(bench: DiskBench, disk: Disk, base: number) {
    this.#bench = bench;
    this.#disk = disk;
    this.#base = base;
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const each of steps) await this.#apply(each);
    await this.#check(this.#disk, this.#model);
    await this.#disk.close();
    for (const [snapshotId, expected] of this.#snapshots) await this.#checkClone(snapshotId, expected);
  }

  async #apply(each: Step): Promise<void> {
    switch (each.kind) {
      case 'write':
      case 'trim':
      case 'zero':
        await this.#change(each.kind, each.offset, Math.min(each.length, WINDOW_BYTES - each.offset));
        return;
      case 'flush':
        await this.#disk.flush();
        return;
      case 'checkpoint':
        await this.#disk.checkpoint();
        return;
      case 'snapshot': {
        const snapshotId = `s-${this.#stamp++}`;
        await this.#disk.snapshot(snapshotId);
        this.#snapshots.set(snapshotId, Buffer.from(this.#model));
        return;
      }
      case 'reopen': {
        const pin = await this.#disk.close();
        this.#disk = await this.#bench.open({ pin });
        return;
      }
      case 'crash':
        await this.#disk.abandon();
        this.#disk = await this.#bench.open();
        return;
      case 'clone': {
        const [first] = this.#snapshots;
        if (first !== undefined) await this.#checkClone(...first);
      }
    }
  }

  async #change(kind: 'write' | 'trim' | 'zero', offset: number, length: number): Promise<void> {
    const at = this.#base + offset;
    if (kind === 'write') {
      const pattern = blockOf(this.#stamp++);
      const data = Buffer.alloc(length, pattern);
      data.copy(this.#model, offset);
      await this.#disk.write(at, data, { fua: length % 3 === 0 });
    } else if (kind === 'zero') {
      this.#model.fill(0, offset, offset + length);
      await this.#disk.zero(at, length, { fua: false, noHole: length % 2 === 0 });
    } else {
      const first = Math.ceil(offset / 4096) * 4096;
      const end = Math.floor((offset + length) / 4096) * 4096;
      if (end > first) this.#model.fill(0, first, end);
      await this.#disk.trim(at, length, { fua: false });
    }
    const read = Buffer.from(await this.#disk.read(at, length));
    assert.ok(read.equals(this.#model.subarray(offset, offset + length)), `${kind} at ${offset} for ${length}`);
  }

  async #check(disk: Disk, expected: Buffer): Promise<void> {
    const read = Buffer.from(await disk.read(this.#base, WINDOW_BYTES));
    for (let at = 0; at < WINDOW_BYTES; at += 4096)
      assert.ok(read.subarray(at, at + 4096).equals(expected.subarray(at, at + 4096)), `block at ${at}`);
    const statuses = await disk.blockStatus(this.#base, WINDOW_BYTES);
    let at = 0;
    for (const { lengthBytes, zero } of statuses) {
      if (zero)
        assert.ok(
          expected.subarray(at, at + lengthBytes).every((byte) => byte === 0),
          `zeroes at ${at}`,
        );
      at += lengthBytes;
    }
  }

  async #checkClone(snapshotId: string, expected: Buffer): Promise<void> {
    const diskId = `d-clone-${this.#stamp++}`;
    const { env } = this.#bench;
    const directory = this.#bench.directory(diskId);
    const dataKey = dataKeyOf(this.#bench.suite, 200);
    await cloneDisk(
      env,
      { directory: this.#bench.directory(), snapshotId, dataKey: dataKeyOf(this.#bench.suite), pin: undefined },
      { directory, identity: this.#bench.identity(diskId), dataKey },
    );
    const clone = await this.#bench.open({ diskId, dataKey });
    await this.#check(clone, expected);
    await clone.write(this.#base, blockOf(77), { fua: true });
    await clone.close();
  }
}

/** At the start of a disk, and across the end of a leaf of the map far from it. */
export const MODEL_BASES = [0, 512 * MiB - 3 * MiB - 4096] as const;

/** Runs `runs` sequences; one that fails is made as short as it can be. Answers how many steps there were. */
export async function runModel(suite: Suite, base: number, runs: number, seed: number): Promise<number> {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), async (steps) => {
      using bench = new DiskBench(suite, { limits: SMALL_LIMITS });
      await bench.create();
      await new Modelled(bench, await bench.open(), base).run(steps);
      count += steps.length;
    }),
    { numRuns: runs, seed },
  );
  return count;
}
