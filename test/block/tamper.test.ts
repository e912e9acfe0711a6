import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { isMarker, segmentOf, slotOf } from '../../src/block/format/address.ts';
import { Disk } from '../../src/block/disk.ts';
import { ROOT_LEVEL } from '../../src/block/format/map-page.ts';
import { openState } from '../../src/block/open-disk.ts';
import { SEGMENT_HEADER_REGION_BYTES } from '../../src/block/format/segment-format.ts';
import { SLOT_SIZE_BYTES, slotOffset } from '../../src/block/format/slot-format.ts';
import { toHex } from '../../src/block/format/fixed-bytes.ts';
import { SystemError } from '../../src/base/errors.ts';
import { MiB } from '../../src/base/units.ts';
import { blockOf, dataKeyOf, DiskBench } from './disk-fixture.ts';

const LIMITS = { segmentSlots: 16 };
const FAR = 600 * MiB;

interface Live {
  readonly from: number;
  readonly end: number;
  readonly isBlock: boolean;
}

/** Bytes that belong to slots which the newest state uses, by file name: DATA and MAP, with the second copies. */
async function liveRanges(bench: DiskBench): Promise<Map<string, Live[]>> {
  const { state, lock } = await openState(bench.env, bench.directory(), {
    diskId: 'd-1',
    dataKey: dataKeyOf(bench.suite),
    pin: undefined,
    readOnly: true,
  });
  const ranges = new Map<string, Live[]>();
  const add = (address: number, slots: number, isBlock: boolean): void => {
    const file = path.join('seg', toHex(state.store.entry(segmentOf(address)).id));
    const from = slotOffset(slotOf(address));
    ranges.set(file, [...(ranges.get(file) ?? []), { from, end: from + slots * SLOT_SIZE_BYTES, isBlock }]);
  };
  const walk = async (address: number, level: number, index: number): Promise<void> => {
    if (isMarker(address)) return;
    if (level < 0) {
      add(address, 1, true);
      return;
    }
    add(address, level === 0 ? 1 : 2, false);
    const entries = await state.pages.load(address, level, index);
    for (const [i, child] of entries.entries()) await walk(child, level - 1, index * 512 + i);
  };
  await walk(state.root, ROOT_LEVEL, 0);
  state.store.close();
  await state.headFile.close();
  lock[Symbol.dispose]();
  return ranges;
}

/** A disk with overwritten blocks, a trim, a snapshot, several checkpoints, closed in order. */
async function closedDisk(bench: DiskBench): Promise<ReadonlyMap<number, Buffer>> {
  await bench.create();
  const disk = await bench.open();
  const contents = new Map<number, Buffer>();
  const put = async (offset: number, stamp: number): Promise<void> => {
    await disk.write(offset, blockOf(stamp), { fua: false });
    contents.set(offset, Buffer.from(blockOf(stamp)));
  };
  for (let i = 0; i < 20; i++) await put(i * 4096, i + 1);
  await disk.snapshot('s-1');
  for (let i = 0; i < 6; i++) await put(i * 8192, i + 101);
  await disk.trim(19 * 4096, 4096, { fua: false });
  contents.set(19 * 4096, Buffer.alloc(4096));
  await disk.checkpoint();
  for (let i = 0; i < 3; i++) await put(FAR + i * 4096, i + 201);
  await disk.close();
  return contents;
}

/** Which blocks fail; every other one has to be right. */
async function unreadable(disk: Disk, contents: ReadonlyMap<number, Buffer>): Promise<number[]> {
  const failed: number[] = [];
  for (const [offset, expected] of contents) {
    try {
      assert.ok(Buffer.from(await disk.read(offset, 4096)).equals(expected), `wrong data at ${offset}`);
    } catch (error) {
      assert.equal((error as { kind?: string }).kind, 'corrupt', String(error));
      failed.push(offset);
    }
  }
  return failed;
}

/** A segment that holds at least three blocks of the newest state. */
function blockSegment(live: ReadonlyMap<string, readonly Live[]>): { name: string; blocks: readonly Live[] } {
  for (const [name, ranges] of live) {
    const blocks = ranges.filter(({ isBlock }) => isBlock);
    if (blocks.length >= 3) return { name, blocks };
  }
  throw new Error('no segment holds three blocks');
}

function filesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(path.join(directory, name)).isFile(),
  );
}

/** Offsets that hit every field: all of the small records, and first, middle and last byte of each part of a slot. */
function offsetsOf(name: string, size: number): number[] {
  if (!name.startsWith('seg/'))
    return Array.from({ length: Math.ceil(size / 23) }, (_, i) => Math.min(i * 23, size - 1));
  const offsets = Array.from({ length: SEGMENT_HEADER_REGION_BYTES / 16 }, (_, i) => i * 16 + (i % 16));
  for (let at = SEGMENT_HEADER_REGION_BYTES; at < size; at += SLOT_SIZE_BYTES)
    for (const within of [0, 2_000, 4_095, 4_096, 4_104, 4_111, 4_112, 4_127]) offsets.push(at + within);
  return offsets.filter((offset) => offset < size);
}

for (const suite of ['aes-256-gcm', 'sm4-gcm'] as const)
  test(`every flipped byte of a closed ${suite} disk is named, never returned, and harms nothing else`, async () => {
    using bench = new DiskBench(suite, { limits: LIMITS });
    const contents = await closedDisk(bench);
    const live = await liveRanges(bench);
    const directory = bench.directory();
    const reached = { silent: 0, harmless: 0, blocks: 0, leaves: 0 };
    for (const name of filesOf(directory)) {
      const file = path.join(directory, name);
      const intact = readFileSync(file);
      for (const offset of offsetsOf(name, intact.length)) {
        const damaged = Buffer.from(intact);
        damaged[offset] = (damaged[offset] ?? 0) ^ (1 << (offset % 8));
        writeFileSync(file, damaged);
        bench.log.lines.length = 0;
        const disk = await bench.open({ readOnly: true });
        const failed = await unreadable(disk, contents);
        await disk.close();
        writeFileSync(file, intact);
        const isLive = live.get(name)?.some(({ from, end }) => offset >= from && offset < end) ?? false;
        const isDead =
          name === 'lock' ||
          name.startsWith('sums/') ||
          (name.startsWith('seg/') && offset >= SEGMENT_HEADER_REGION_BYTES && !isLive);
        const where = `${name} byte ${offset}`;
        if (isDead) {
          assert.deepEqual(failed, [], `${where} is dead`);
          reached.silent += 1;
          continue;
        }
        assert.ok(bench.log.errors().length > 0, `${where}: the flip is named in the log`);
        if (!isLive) assert.deepEqual(failed, [], `${where}: there is a second copy`);
        assert.ok(failed.length < contents.size, `${where}: other blocks stay readable`);
        if (failed.length === 0) reached.harmless += 1;
        else if (failed.length === 1) reached.blocks += 1;
        else reached.leaves += 1;
      }
    }
    for (const [kind, count] of Object.entries(reached)) assert.ok(count > 0, `${kind} was met`);
  });

test('a sealed block put in the place of another one is refused', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  const contents = await closedDisk(bench);
  const live = await liveRanges(bench);
  const { name, blocks } = blockSegment(live);
  const file = path.join(bench.directory(), name);
  const bytes = readFileSync(file);
  const [one, two] = blocks;
  assert.ok(one && two);
  bytes.copy(bytes, one.from, two.from, two.from + SLOT_SIZE_BYTES);
  writeFileSync(file, bytes);
  const disk = await bench.open({ readOnly: true });
  assert.equal((await unreadable(disk, contents)).length, 1);
  await disk.close();
});

test('a missing, shortened or exchanged segment costs its own blocks only', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  const contents = await closedDisk(bench);
  const directory = bench.directory();
  const intact = path.join(bench.root, 'intact');
  cpSync(directory, intact, { recursive: true });
  const live = await liveRanges(bench);
  const dataSegment = blockSegment(live).name;
  const other = filesOf(directory).find((name) => name.startsWith('seg/') && name !== dataSegment) ?? '';
  const damages: Record<string, () => void> = {
    missing: () => rmSync(path.join(directory, dataSegment)),
    shortened: () =>
      writeFileSync(path.join(directory, dataSegment), readFileSync(path.join(intact, dataSegment)).subarray(0, 9_000)),
    exchanged: () => cpSync(path.join(intact, other), path.join(directory, dataSegment)),
  };
  for (const [kind, damage] of Object.entries(damages)) {
    damage();
    bench.log.lines.length = 0;
    const disk = await bench.open({ readOnly: true });
    const failed = await unreadable(disk, contents);
    assert.ok(failed.length > 0 && failed.length < contents.size, `${kind}: ${failed.length} of ${contents.size}`);
    assert.ok(bench.log.errors().length > 0, kind);
    await disk.close();
    cpSync(path.join(intact, dataSegment), path.join(directory, dataSegment));
  }
});

test('a flipped bit in the flushed tail of a disk that was not closed costs its block or the open, and nothing is cut off', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  await bench.create();
  const disk = await bench.open();
  for (let i = 0; i < 24; i++) {
    await disk.write(i * 4096, blockOf(i + 1), { fua: i % 3 === 0 });
  }
  await disk.flush();
  await disk.abandon();
  const directory = bench.directory();
  const intact = bench.directory('intact');
  cpSync(directory, intact, { recursive: true });
  const contents = new Map(Array.from({ length: 24 }, (_, i) => [i * 4096, Buffer.from(blockOf(i + 1))]));
  const met = { refused: 0, lost: 0, harmless: 0 };
  let flips = 0;
  for (const name of readdirSync(path.join(intact, 'seg'))) {
    const bytes = readFileSync(path.join(intact, 'seg', name));
    for (let at = SEGMENT_HEADER_REGION_BYTES; at + SLOT_SIZE_BYTES <= bytes.length; at += SLOT_SIZE_BYTES) {
      const damaged = Buffer.from(bytes);
      const offset = at + ((flips++ * 977) % SLOT_SIZE_BYTES);
      damaged[offset] = (damaged[offset] ?? 0) ^ 16;
      writeFileSync(path.join(directory, 'seg', name), damaged);
      const outcome = await bench.open({ adopt: true }).catch((error: unknown) => error);
      if (outcome instanceof Disk) {
        // Its segment has a summary, so that recovery took the slot's word for it, or did not need the slot.
        const failed = await unreadable(outcome, contents);
        assert.ok(failed.length <= 1, `${name} byte ${offset}: ${failed.length} blocks lost`);
        met[failed.length === 1 ? 'lost' : 'harmless'] += 1;
        await outcome.close();
        rmSync(directory, { recursive: true });
        cpSync(intact, directory, { recursive: true });
      } else {
        assert.ok(outcome instanceof SystemError && outcome.code === 'LOG_CORRUPT', String(outcome));
        assert.ok(readFileSync(path.join(directory, 'seg', name)).equals(damaged), 'a refused disk is left as it is');
        writeFileSync(path.join(directory, 'seg', name), bytes);
        met.refused += 1;
      }
    }
  }
  assert.ok(met.refused > 0 && met.lost >= 10, JSON.stringify(met));
  // A summary that does not open, or the one note of a segment that recovery has no use for any more.
  assert.ok(met.harmless <= 6, JSON.stringify(met));
  const healed = await bench.open({ adopt: true });
  assert.deepEqual(await unreadable(healed, contents), []);
  await healed.close();
});

test('without the mark, later slots still prove that a damaged one was flushed', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  await bench.create();
  const disk = await bench.open();
  await disk.write(0, blockOf(1), { fua: true });
  await disk.write(4096, blockOf(2), { fua: true });
  await disk.abandon();
  rmSync(path.join(bench.directory(), 'mark'));
  const [name = ''] = readdirSync(path.join(bench.directory(), 'seg'));
  const file = path.join(bench.directory(), 'seg', name);
  const damaged = readFileSync(file);
  damaged[slotOffset(1) + 5] = (damaged[slotOffset(1) + 5] ?? 0) ^ 1;
  writeFileSync(file, damaged);
  await assert.rejects(bench.open(), { kind: 'corrupt', code: 'LOG_CORRUPT' });
});

test('a log segment that vanished from a disk that was not closed is refused', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  await bench.create();
  const disk = await bench.open();
  for (let i = 0; i < 40; i++) await disk.write(i * 4096, blockOf(i + 1), { fua: true });
  await disk.abandon();
  const segments = path.join(bench.directory(), 'seg');
  for (const name of readdirSync(segments)) {
    if (statSync(path.join(segments, name)).size < 2 * SLOT_SIZE_BYTES) continue;
    cpSync(path.join(segments, name), path.join(bench.root, 'kept'));
    rmSync(path.join(segments, name));
    await assert.rejects(bench.open(), { kind: 'corrupt' }, name);
    cpSync(path.join(bench.root, 'kept'), path.join(segments, name));
  }
  await (await bench.open()).close();
});

test('a mark that does not verify is named in the log', async () => {
  for (const damagedPlaces of [[0], [1], [0, 1]]) {
    using bench = new DiskBench();
    await bench.create();
    const disk = await bench.open();
    await disk.write(0, blockOf(1), { fua: true });
    await disk.abandon();
    const file = path.join(bench.directory(), 'mark');
    const mark = readFileSync(file);
    for (const place of damagedPlaces) mark[place * 512 + 30] = (mark[place * 512 + 30] ?? 0) ^ 1;
    writeFileSync(file, mark);
    await (await bench.open()).close();
    const named = bench.log.lines.filter(({ level, fields }) => level === 'error' && fields['file'] === file);
    assert.deepEqual(
      named.map(({ fields }) => fields['copy']),
      damagedPlaces,
    );
  }
});

/** The last log segment of a disk that was left open, without the mark, as after power loss. */
async function lastOfLeftOpen(bench: DiskBench): Promise<{ file: string; intact: Buffer }> {
  await bench.create();
  const disk = await bench.open();
  for (let i = 0; i < 20; i++) await disk.write(i * 4096, blockOf(i + 1), { fua: true });
  await disk.abandon();
  rmSync(path.join(bench.directory(), 'mark'));
  const segments = path.join(bench.directory(), 'seg');
  const numberOf = (name: string): number => Number(readFileSync(path.join(segments, name)).readBigUInt64LE(16));
  const used = readdirSync(segments).filter((name) => statSync(path.join(segments, name)).size > 2 * SLOT_SIZE_BYTES);
  const [name = ''] = used.sort((a, b) => numberOf(b) - numberOf(a));
  const file = path.join(segments, name);
  return { file, intact: readFileSync(file) };
}

test('a last log segment whose header was damaged is refused and kept, whatever is left of the header', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  const { file, intact } = await lastOfLeftOpen(bench);
  const flipped = Buffer.from(intact);
  for (const at of [20, 532]) flipped[at] = (flipped[at] ?? 0) ^ 1;
  const zeroed = Buffer.from(intact).fill(0, 0, SEGMENT_HEADER_REGION_BYTES);
  const [other = ''] = readdirSync(path.dirname(file)).filter((name) => !file.endsWith(name));
  const exchanged = Buffer.concat([
    readFileSync(path.join(path.dirname(file), other)).subarray(0, SEGMENT_HEADER_REGION_BYTES),
    intact.subarray(SEGMENT_HEADER_REGION_BYTES),
  ]);
  for (const damaged of [flipped, zeroed, exchanged]) {
    writeFileSync(file, damaged);
    await assert.rejects(bench.open(), { kind: 'corrupt', code: 'SEGMENT_HEADER_CORRUPT' });
    assert.ok(readFileSync(file).equals(damaged));
  }
  const half = Buffer.from(intact).fill(0, 0, SEGMENT_HEADER_REGION_BYTES / 2);
  writeFileSync(file, half);
  const disk = await bench.open();
  for (let i = 0; i < 20; i++) assert.deepEqual(Buffer.from(await disk.read(i * 4096, 4096)), blockOf(i + 1));
  await disk.close();
});

test('only what the engine itself left behind is removed from among the segments', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: LIMITS });
  await closedDisk(bench);
  const segments = path.join(bench.directory(), 'seg');
  const id = 'ab'.repeat(16);
  const gone = { [`${'01'.repeat(16)}`]: Buffer.alloc(1_000), [`${id}.rescue`]: Buffer.alloc(9_000, 7) };
  const kept = {
    [id]: Buffer.alloc(9_000),
    [`${'02'.repeat(16)}`]: Buffer.alloc(1_024, 1),
    'notes.txt': Buffer.from('mine'),
  };
  for (const [name, bytes] of Object.entries({ ...gone, ...kept })) writeFileSync(path.join(segments, name), bytes);
  await (await bench.open()).close();
  const names = readdirSync(segments);
  for (const name of Object.keys(gone)) assert.ok(!names.includes(name), name);
  for (const name of Object.keys(kept)) assert.ok(names.includes(name), name);
});
