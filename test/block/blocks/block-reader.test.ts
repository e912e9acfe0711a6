import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BlockReader } from '../../../src/block/blocks/block-reader.ts';
import { BlockResolver } from '../../../src/block/blocks/block-resolver.ts';
import type { DiskState } from '../../../src/block/state/disk-state.ts';
import { openState } from '../../../src/block/open-disk.ts';
import { blockOf, dataKeyOf, DiskBench } from '../disk-fixture.ts';

/** The state of a closed disk whose blocks 0 to 2 hold 1 to 3. */
async function openThreeBlocks(bench: DiskBench) {
  await bench.create();
  const disk = await bench.open();
  for (let i = 0; i < 3; i++) await disk.write(i * 4096, blockOf(i + 1), { fua: false });
  await disk.close();
  const { state, lock } = await openState(bench.env, bench.directory(), {
    diskId: 'd-1',
    dataKey: dataKeyOf('aes-256-gcm'),
    pin: undefined,
    readOnly: true,
  });
  return {
    state,
    async [Symbol.asyncDispose](): Promise<void> {
      state.store.close();
      await state.headFile.close();
      lock[Symbol.dispose]();
    },
  };
}

test('a map that is wrong about a block is found out, whatever kind of slot it leads to', async () => {
  using bench = new DiskBench();
  await using opened = await openThreeBlocks(bench);
  const { state } = opened;
  const resolver = new BlockResolver(state);
  const reader = new BlockReader(state, resolver);
  const [one = 0] = await resolver.resolve(1, 1);
  assert.deepEqual(Buffer.from(await reader.read(4096, 4096)), blockOf(2));
  state.overlay.set(2, one);
  await assert.rejects(reader.read(2 * 4096, 4096), { kind: 'corrupt', code: 'BLOCK_CORRUPT' }, 'another block');
  state.overlay.set(2, state.root);
  await assert.rejects(reader.read(2 * 4096, 4096), { kind: 'corrupt', code: 'BLOCK_CORRUPT' }, 'a page of the map');
  // Block 0 and the root have one number; only the kind of the slot tells them apart.
  state.overlay.set(0, state.root);
  await assert.rejects(reader.read(0, 4096), { kind: 'corrupt', code: 'BLOCK_CORRUPT' }, 'a page of the same number');
  state.overlay.set(2, one - 1 - (one % 2 ** 20) + 2 ** 40);
  await assert.rejects(reader.read(2 * 4096, 4096), { kind: 'corrupt', code: 'SEGMENT_UNKNOWN' }, 'no segment');
});

/** Answers addresses as they were, the first time it is asked. */
class Late extends BlockResolver {
  late = true;
  readonly #before: number;

  constructor(state: DiskState, before: number) {
    super(state);
    this.#before = before;
  }

  override resolve(first: number, count: number): Promise<Float64Array> {
    const isLate = this.late;
    this.late = false;
    return isLate ? Promise.resolve(new Float64Array(count).fill(this.#before)) : super.resolve(first, count);
  }
}

test('a block that moved while it was read is read at its new place, whatever became of the old one', async () => {
  using bench = new DiskBench();
  await using opened = await openThreeBlocks(bench);
  const { state } = opened;
  const [address = 0] = await new BlockResolver(state).resolve(1, 1);
  const goneSlot = address + 900;
  const goneSegment = 77 * 2 ** 20 + 3;
  for (const before of [goneSlot, goneSegment]) {
    const reader = new BlockReader(state, new Late(state, before));
    assert.deepEqual(Buffer.from(await reader.read(4096, 4096)), blockOf(2));
    const body = new Uint8Array(4096);
    assert.equal(await new BlockReader(state, new BlockResolver(state)).readBlock(1, before, body), false);
  }
  assert.deepEqual(bench.log.errors(), [], 'that is no damage');
});
