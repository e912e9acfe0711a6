import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { systemClock } from '../../../src/base/system-clock.ts';
import { cloneDisk, deleteDisk, deleteSnapshot } from '../../../src/block/disk.ts';
import type { Disk } from '../../../src/block/disk.ts';
import { storedSlots } from '../../../src/block/format/dense-format.ts';
import type { FileSystem } from '../../../src/block/files/file-system.ts';
import { localFiles } from '../../../src/block/files/local-files.ts';
import { blockOf, dataKeyOf, DiskBench } from '../disk-fixture.ts';
import { readDisk, readSnapshot } from '../format/independent-reader.ts';

const LIMITS = { segmentSlots: 32, checkpointSlots: 10_000, checkpointChanges: 10_000, rewriteBelow: 0.6 };
const BLOCKS = 200;

function bench(): DiskBench {
  return new DiskBench('aes-256-gcm', { limits: LIMITS });
}

function segments(of: DiskBench, diskId = 'd-1'): { name: string; slots: number; inode: number; links: number }[] {
  const directory = path.join(of.directory(diskId), 'seg');
  return readdirSync(directory).flatMap((name) => {
    // A file may go between the two calls.
    const status = statSync(path.join(directory, name), { throwIfNoEntry: false });
    if (status === undefined) return [];
    return [{ name, slots: storedSlots(status.size), inode: status.ino, links: status.nlink }];
  });
}

function slotsStored(of: DiskBench): number {
  return segments(of).reduce((sum, { slots }) => sum + slots, 0);
}

/** Every block gets a stamp of its own; answers what each one holds. */
async function fill(disk: Disk, first: number, blocks: Iterable<number>): Promise<Map<number, number>> {
  const stamps = new Map<number, number>();
  for (const block of blocks) {
    stamps.set(block, first + block);
    await disk.write(block * 4096, blockOf(first + block), { fua: false });
  }
  return stamps;
}

function range(count: number, step = 1): number[] {
  return Array.from({ length: count }, (_, i) => i * step);
}

async function assertHolds(disk: Disk, stamps: ReadonlyMap<number, number>): Promise<void> {
  for (const [block, stamp] of stamps)
    assert.deepEqual(Buffer.from(await disk.read(block * 4096, 4096)), blockOf(stamp), `block ${block}`);
}

/** Writes every block three times, and keeps the first two states as s-1 and s-2. Answers what each state holds. */
async function fillWithSnapshots(disk: Disk): Promise<Map<number, number>[]> {
  const first = await fill(disk, 1_000, range(BLOCKS));
  await disk.snapshot('s-1');
  const second = await fill(disk, 2_000, range(BLOCKS));
  await disk.snapshot('s-2');
  return [first, second, await fill(disk, 3_000, range(BLOCKS))];
}

function assertKeeps(directory: string, snapshotId: string, stamps: ReadonlyMap<number, number> | undefined): void {
  assert.ok(stamps !== undefined && stamps.size > 0);
  const snapshot = readSnapshot(directory, dataKeyOf('aes-256-gcm').key, snapshotId);
  for (const [block, stamp] of stamps)
    assert.deepEqual(snapshot.read(block), blockOf(stamp), `block ${block} of ${snapshotId}`);
}

test('the space of overwritten blocks comes back, and every block keeps its content and its address', async () => {
  using on = bench();
  await on.create();
  let disk = await on.open();
  await fill(disk, 1_000, range(BLOCKS));
  const stamps = await fill(disk, 5_000, range(BLOCKS / 2, 2));
  for (const [block, stamp] of await fill(
    disk,
    1_000,
    range(BLOCKS / 2, 2).map((block) => block + 1),
  ))
    stamps.set(block, stamp);
  await disk.checkpoint();
  const addressesBefore = readDisk(on.directory(), dataKeyOf('aes-256-gcm').key).state;
  const before = slotsStored(on);
  const collection = await disk.collect();
  assert.ok(collection.dead + collection.rewritten > 4, JSON.stringify(collection));
  assert.ok(slotsStored(on) < before * 0.75, `${slotsStored(on)} of ${before} slots`);
  await assertHolds(disk, stamps);
  const { state } = readDisk(on.directory(), dataKeyOf('aes-256-gcm').key);
  for (const block of range(BLOCKS)) {
    assert.equal(state.addressOf(block), addressesBefore.addressOf(block));
    assert.deepEqual(state.read(block), blockOf(stamps.get(block) ?? 0), 'a reader that shares no code agrees');
  }
  const again = await disk.collect();
  assert.ok(again.storedSlots < BLOCKS * 1.4, `${again.storedSlots} slots for ${BLOCKS} blocks`);
  await disk.close();
  disk = await on.open();
  await assertHolds(disk, stamps);
  await disk.close();
  assert.ok(
    segments(on).every(({ name }) => /^[0-9a-f]{32}$/.test(name)),
    'nothing unfinished, spare or dead is left',
  );
  assert.deepEqual(on.log.errors(), []);
});

test('checksums go with their segments', async () => {
  using on = bench();
  await on.create();
  const disk = await on.open();
  const sums = (): string[] => {
    const directory = path.join(on.directory(), 'sums');
    return existsSync(directory) ? readdirSync(directory).filter((name) => !name.endsWith('.new')) : [];
  };
  await fill(disk, 1, range(BLOCKS));
  await disk.checkpoint();
  while (sums().length < 4) await new Promise((resolve) => setImmediate(resolve));
  const before = sums();
  await disk.trim(0, BLOCKS * 4096, { fua: true });
  await disk.collect();
  await disk.close();
  const named = segments(on).map(({ name }) => name);
  assert.ok(before.some((name) => !named.includes(name)));
  assert.deepEqual(
    sums().filter((name) => !named.includes(name)),
    [],
  );
});

test('trimming everything leaves next to nothing', async () => {
  using on = bench();
  await on.create();
  const disk = await on.open();
  await fill(disk, 1, range(BLOCKS));
  await disk.trim(0, BLOCKS * 4096, { fua: true });
  await disk.collect();
  await disk.close();
  assert.ok(slotsStored(on) < 2 * LIMITS.segmentSlots, `${slotsStored(on)} slots`);
});

test('what a snapshot needs stays until it is deleted, then it goes', async () => {
  using on = bench();
  await on.create();
  const disk = await on.open();
  const kept = await fill(disk, 1_000, range(BLOCKS));
  await disk.snapshot('s-1');
  const second = await fill(
    disk,
    2_000,
    range(BLOCKS, 3).filter((block) => block < BLOCKS),
  );
  await disk.snapshot('s-2');
  const now = await fill(disk, 3_000, range(BLOCKS));
  await disk.collect();
  await assertHolds(disk, now);
  assertKeeps(on.directory(), 's-1', kept);
  assertKeeps(on.directory(), 's-2', new Map([...kept, ...second]));
  const withBoth = slotsStored(on);
  await deleteSnapshot(on.env, on.directory(), 's-2');
  await disk.collect();
  const withOne = slotsStored(on);
  assert.ok(withOne < withBoth - 40, `${withOne} slots, ${withBoth} before`);
  assertKeeps(on.directory(), 's-1', kept);
  await deleteSnapshot(on.env, on.directory(), 's-1');
  await disk.collect();
  assert.ok(slotsStored(on) < withOne - 150, `${slotsStored(on)} slots, ${withOne} before`);
  await assertHolds(disk, now);
  await disk.close();
});

test('a file that a clone shares is not rewritten, and the clone keeps what the disk lets go of', async () => {
  using on = bench();
  await on.create();
  const disk = await on.open();
  const kept = await fill(disk, 1_000, range(BLOCKS));
  const pin = await disk.snapshot('s-1');
  const cloneKey = dataKeyOf('aes-256-gcm', 9);
  await cloneDisk(
    on.env,
    { directory: on.directory(), snapshotId: 's-1', dataKey: dataKeyOf('aes-256-gcm'), pin },
    { directory: on.directory('d-2'), identity: on.identity('d-2'), dataKey: cloneKey },
  );
  await deleteSnapshot(on.env, on.directory(), 's-1');
  await fill(
    disk,
    2_000,
    range(BLOCKS, 2).filter((block) => block < BLOCKS),
  );
  const shared = segments(on, 'd-2').map(({ inode }) => inode);
  await disk.collect();
  assert.deepEqual(
    segments(on, 'd-2').map(({ inode }) => inode),
    shared,
  );
  const stay = segments(on).filter(({ inode }) => shared.includes(inode));
  assert.ok(stay.length > 3, 'half-live shared files stay as they are');
  const now = await fill(disk, 3_000, range(BLOCKS));
  await disk.collect();
  assert.equal(segments(on).filter(({ inode }) => shared.includes(inode)).length, 0, 'dead ones lose their name here');
  // Spares are written over: none of them may be a file of the clone.
  await fill(disk, 4_000, range(BLOCKS));
  const clone = await on.open({ diskId: 'd-2', dataKey: cloneKey });
  await assertHolds(clone, kept);
  await clone.close();
  assert.ok(now.size > 0);
  await disk.close();
});

test('files that nobody needs any more take the next segments of the log', async () => {
  using on = bench();
  await on.create();
  const disk = await on.open();
  await fill(disk, 1_000, range(BLOCKS));
  await fill(disk, 2_000, range(BLOCKS));
  const before = new Set(segments(on).map(({ inode }) => inode));
  await disk.collect();
  const spares = segments(on).filter(({ name }) => name.endsWith('.spare'));
  assert.ok(spares.length > 0);
  const stamps = await fill(disk, 3_000, range(BLOCKS));
  const reused = segments(on).filter(({ name, inode }) => !name.includes('.') && spares.some((s) => s.inode === inode));
  assert.equal(reused.length, spares.length);
  assert.ok(reused.every(({ inode }) => before.has(inode)));
  await disk.flush();
  await disk.abandon();
  const recovered = await on.open();
  await assertHolds(recovered, stamps);
  await recovered.close();
});

test('reads and writes go on while space is collected', async () => {
  using on = bench();
  await on.create();
  const disk = await on.open();
  const stamps = await fill(disk, 1_000, range(BLOCKS));
  let stamp = 10_000;
  for (let round = 0; round < 4; round++) {
    const collecting = disk.collect();
    let isDone = false;
    collecting.then(() => (isDone = true)).catch(() => (isDone = true));
    for (let i = 0; !isDone || i < 50; i++) {
      const block = (i * 7 + round) % BLOCKS;
      stamps.set(block, ++stamp);
      await disk.write(block * 4096, blockOf(stamp), { fua: false });
      // Writes that only touch memory let nothing else run.
      await new Promise((resolve) => setImmediate(resolve));
      const other = (i * 13) % BLOCKS;
      assert.deepEqual(Buffer.from(await disk.read(other * 4096, 4096)), blockOf(stamps.get(other) ?? 0));
    }
    await collecting;
  }
  await assertHolds(disk, stamps);
  await disk.close();
  assert.deepEqual(on.log.errors(), []);
});

test('nothing is removed while a page of any map cannot be read, since nobody can tell what it leads to', async () => {
  using on = bench();
  await on.create();
  const disk = await on.open();
  await fill(disk, 1_000, range(BLOCKS));
  await disk.snapshot('s-1');
  await fill(disk, 2_000, range(BLOCKS));
  await disk.close();
  const directory = path.join(on.directory(), 'roots');
  const root = readFileSync(path.join(directory, 's-1'));
  const ruined = Buffer.from(root);
  for (const at of [100, root.length / 2 + 100]) ruined[at] = (ruined[at] ?? 0) ^ 1;
  writeFileSync(path.join(directory, 's-1'), ruined);
  const reopened = await on.open();
  const before = segments(on);
  await assert.rejects(reopened.collect(), { kind: 'corrupt' });
  for (const { name, inode } of before)
    assert.equal(segments(on).find((segment) => segment.name === name)?.inode, inode, `${name} stays`);
  writeFileSync(path.join(directory, 's-1'), root);
  await reopened.close();
});

test('deleting a snapshot without any key frees the segments that only it named, at once', async () => {
  using on = bench();
  await on.create();
  let disk = await on.open();
  const [kept, , now = new Map()] = await fillWithSnapshots(disk);
  await disk.collect();
  await disk.close();
  const stranger = path.join(on.directory(), 'seg', 'ab'.repeat(16));
  writeFileSync(stranger, 'newer than anything that is known');
  const before = slotsStored(on);
  await deleteSnapshot(on.env, on.directory(), 's-2');
  assert.ok(slotsStored(on) < before - 150, `${slotsStored(on)} slots, ${before} before`);
  assert.equal(readFileSync(stranger, 'utf8'), 'newer than anything that is known');
  assertKeeps(on.directory(), 's-1', kept);
  disk = await on.open();
  await assertHolds(disk, now);
  await disk.close();
});

test('of a deleted disk only what its snapshots need stays, and of those only what the rest need', async () => {
  using on = bench();
  await on.create();
  const disk = await on.open();
  const [first, , third] = await fillWithSnapshots(disk);
  await disk.snapshot('s-3');
  await fill(disk, 4_000, range(BLOCKS));
  await disk.collect();
  await disk.close();
  const retired = path.join(on.root, 'retired', 'd-1');
  const before = slotsStored(on);
  await deleteDisk(on.env, on.directory(), retired, { keep: ['s-1', 's-3'], drop: ['s-2'] });
  const slotsLeft = (): number =>
    readdirSync(path.join(retired, 'seg')).reduce(
      (sum, name) => sum + storedSlots(statSync(path.join(retired, 'seg', name)).size),
      0,
    );
  const withTwo = slotsLeft();
  assert.ok(withTwo < before - 150, `${withTwo} slots, ${before} before`);
  assertKeeps(retired, 's-3', third);
  await deleteSnapshot(on.env, retired, 's-3');
  assert.ok(slotsLeft() < withTwo - 150, `${slotsLeft()} slots, ${withTwo} before`);
  assertKeeps(retired, 's-1', first);
  await deleteSnapshot(on.env, retired, 's-1');
  assert.deepEqual(readdirSync(path.dirname(retired)), []);
});

test('nothing is freed when the head or a root cannot be read', async () => {
  for (const damaged of ['head', 'roots/s-1']) {
    using on = bench();
    await on.create();
    const disk = await on.open();
    await fillWithSnapshots(disk);
    await disk.collect();
    await disk.close();
    const file = path.join(on.directory(), damaged);
    writeFileSync(file, Buffer.alloc(readFileSync(file).length));
    const before = segments(on);
    await deleteSnapshot(on.env, on.directory(), 's-2');
    assert.deepEqual(segments(on), before, damaged);
  }
});

test('when clients stop writing, their garbage is collected and no spare file stays', async () => {
  const ticks: (() => void)[] = [];
  const clock = {
    ...systemClock,
    every: (_ms: number, tick: () => void) => {
      ticks.push(tick);
      return { [Symbol.dispose]: () => undefined };
    },
  };
  using on = new DiskBench('aes-256-gcm', { limits: LIMITS, clock });
  await on.create();
  const disk = await on.open();
  await fill(disk, 1_000, range(BLOCKS));
  const stamps = await fill(disk, 2_000, range(BLOCKS));
  const before = slotsStored(on);
  for (const tick of [...ticks, ...ticks]) tick();
  while (slotsStored(on) > before - 100 || segments(on).some(({ name }) => name.includes('.')))
    await new Promise((resolve) => setImmediate(resolve));
  assert.ok((disk.space?.storedBytes ?? 0) > 0);
  await assertHolds(disk, stamps);
  await disk.close();
});

test('a file is not used again while somebody still reads it', async () => {
  let held: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  let isReading = false;
  const files: FileSystem = {
    ...localFiles,
    open: async (at, mode) => {
      const file = await localFiles.open(at, mode);
      const read = file.read.bind(file);
      // Every read goes to the file, and the one that is to be slow keeps it.
      Object.assign(file, {
        readCached: undefined,
        read: async (buffer: Uint8Array, position: number) => {
          if (held !== undefined && !isReading) {
            isReading = true;
            await held.promise;
          }
          return read(buffer, position);
        },
      });
      return file;
    },
  };
  using on = new DiskBench('aes-256-gcm', { limits: LIMITS, files });
  await on.create();
  const disk = await on.open();
  await fill(disk, 1_000, range(BLOCKS));
  await disk.checkpoint();
  const stamps = await fill(disk, 2_000, range(BLOCKS / 2, 2));
  await disk.checkpoint();
  await disk.read(4096, 4096);
  held = Promise.withResolvers<void>();
  const reading = disk.read(4096, 4096);
  while (!isReading) await new Promise((resolve) => setImmediate(resolve));
  const collecting = disk.collect();
  const named = (suffix: string): boolean => segments(on).some(({ name }) => name.endsWith(suffix));
  while (!named('.spare')) await new Promise((resolve) => setImmediate(resolve));
  while (named('.dense')) await new Promise((resolve) => setImmediate(resolve));
  // Several segments of the log, which would take it.
  for (let lap = 0; lap < 3; lap++) {
    for (const [block, stamp] of await fill(disk, 3_000, range(BLOCKS / 2, 2))) stamps.set(block, stamp);
    await disk.flush();
  }
  assert.ok(named('.spare'), 'the log went into fresh files');
  held.resolve();
  assert.deepEqual(Buffer.from(await reading), blockOf(1_001));
  await collecting;
  await assertHolds(disk, stamps);
  await disk.close();
});
