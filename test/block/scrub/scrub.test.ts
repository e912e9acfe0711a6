import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { systemClock } from '../../../src/base/system-clock.ts';
import { isMarker, segmentOf, slotOf } from '../../../src/block/format/address.ts';
import type { Disk } from '../../../src/block/disk.ts';
import { toHex } from '../../../src/block/format/fixed-bytes.ts';
import { openState } from '../../../src/block/open-disk.ts';
import type { ScrubReport } from '../../../src/block/scrub/scrub-report.ts';
import { scrubWithoutKey } from '../../../src/block/scrub/keyless-scrub.ts';
import { addressIn, keptStates, pageIn } from '../../../src/block/scrub/scrubbed-states.ts';
import { slotOffset } from '../../../src/block/format/slot-format.ts';
import { blockOf, dataKeyOf, DiskBench } from '../disk-fixture.ts';

const SNAPSHOT = 's-1';
/** Blocks 0 to 19; 0 to 4 were written again after the snapshot. */
async function closedDisk(bench: DiskBench): Promise<void> {
  await bench.create();
  const disk = await bench.open();
  for (let i = 0; i < 20; i++) await disk.write(i * 4096, blockOf(i), { fua: false });
  await disk.snapshot(SNAPSHOT);
  for (let i = 0; i < 5; i++) await disk.write(i * 4096, blockOf(i + 100), { fua: false });
  await disk.close();
}

async function scrubbed(bench: DiskBench, options = {}): Promise<ScrubReport> {
  const disk = await bench.open(options);
  try {
    return await disk.scrub({});
  } finally {
    await disk.close();
  }
}

/** File and offset of a block, or of the map page above it, as the disk or its snapshot has it. */
async function placeOf(
  bench: DiskBench,
  what: { readonly block: number; readonly level?: number; readonly copy?: number },
  snapshotId = '',
): Promise<{ file: string; at: number; segment: number; slot: number }> {
  const opened = await openState(bench.env, bench.directory(), {
    diskId: 'd-1',
    dataKey: dataKeyOf(bench.suite),
    pin: undefined,
    readOnly: true,
  });
  const { state } = opened;
  try {
    const kept = (await keptStates(state, bench.log)).find((candidate) => candidate.snapshotId === snapshotId);
    assert.ok(kept !== undefined);
    const { pages, store } = state;
    for (const entry of kept.segments) if (store.find(entry.number) === undefined) store.put(entry);
    const { block, level, copy = 0 } = what;
    const address =
      (level === undefined ? await addressIn(pages, kept, block) : await pageIn(pages, kept, level, 0)) + copy;
    assert.ok(!isMarker(address));
    const [segment, slot] = [segmentOf(address), slotOf(address)];
    const id = store.entry(segment).id;
    return { file: path.join(bench.directory(), 'seg', toHex(id)), at: slotOffset(slot), segment, slot };
  } finally {
    state.store.close();
    await state.headFile.close();
    opened.lock[Symbol.dispose]();
  }
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  writeFileSync(file, bytes);
}

test('a whole disk has no damage, and its second scrub finds a checksum for every slot', async () => {
  using bench = new DiskBench();
  await closedDisk(bench);
  const first = await scrubbed(bench);
  assert.deepEqual(first.damages, []);
  // 25 blocks, and two maps of three pages with two copies and one leaf.
  assert.equal(first.slots, 25 + 2 * 7);
  const named = readdirSync(path.join(bench.directory(), 'seg')).sort();
  const sums = path.join(bench.directory(), 'sums');
  assert.ok(readdirSync(sums).length >= 3);
  for (const name of readdirSync(sums)) assert.ok(named.includes(name));
  const before = readdirSync(sums).map((name) => readFileSync(path.join(sums, name)));
  assert.deepEqual((await scrubbed(bench)).damages, []);
  assert.deepEqual(
    readdirSync(sums).map((name) => readFileSync(path.join(sums, name))),
    before,
  );
});

test('a flipped bit is rot where there is a checksum, and costs the block of each state that has it', async () => {
  using bench = new DiskBench();
  await closedDisk(bench);
  await scrubbed(bench);
  const { file, at, segment, slot } = await placeOf(bench, { block: 7 });
  flip(file, at + 9);
  const report = await scrubbed(bench);
  assert.equal(report.damageCount, 1);
  const [damage] = report.damages;
  assert.deepEqual([damage?.cause, damage?.segment, damage?.slot], ['rot', segment, slot]);
  assert.equal(damage?.file, `seg/${path.basename(file)}`);
  assert.deepEqual(damage?.costs, [
    { snapshotId: '', firstBlock: 7, blockCount: 1 },
    { snapshotId: SNAPSHOT, firstBlock: 7, blockCount: 1 },
  ]);
  const logged = bench.log.lines.find(({ message }) => message === 'the scrub found damage')?.fields;
  assert.deepEqual(
    [logged?.['diskId'], logged?.['block'], logged?.['segment'], logged?.['slot']],
    ['d-1', 7, segment, slot],
  );
});

test('of a block that was written again only the snapshot is hurt, and what no state names is no damage', async () => {
  using bench = new DiskBench();
  await closedDisk(bench);
  const old = await placeOf(bench, { block: 2 }, SNAPSHOT);
  flip(old.file, old.at);
  const report = await scrubbed(bench);
  assert.deepEqual(
    report.damages.map(({ costs }) => costs),
    [[{ snapshotId: SNAPSHOT, firstBlock: 2, blockCount: 1 }]],
  );
  rmSync(path.join(bench.directory(), 'roots', SNAPSHOT));
  assert.deepEqual((await scrubbed(bench)).damages, []);
});

test('a change whose checksum was made to fit is tampering; without checksums nobody can tell', async () => {
  using bench = new DiskBench();
  await closedDisk(bench);
  const { file, at } = await placeOf(bench, { block: 3 });
  flip(file, at);
  assert.deepEqual(
    (await scrubbed(bench)).damages.map(({ cause }) => cause),
    ['unknown'],
    'the scrub takes no checksum of what does not verify',
  );
  flip(file, at);
  await scrubbed(bench);
  flip(file, at);
  const sumsFile = path.join(bench.directory(), 'sums', path.basename(file));
  const { crc32 } = await import('node:zlib');
  const sums = readFileSync(sumsFile);
  const slot = (at - 1024) / 4128;
  sums.writeUInt32LE(crc32(readFileSync(file).subarray(at, at + 4128)), 36 + 4 * slot);
  sums.writeUInt32LE(crc32(sums.subarray(0, -4)), sums.length - 4);
  writeFileSync(sumsFile, sums);
  assert.deepEqual(
    (await scrubbed(bench)).damages.map(({ cause }) => cause),
    ['tampering'],
  );
  sums[40] = (sums[40] ?? 0) ^ 1;
  writeFileSync(sumsFile, sums);
  assert.deepEqual(
    (await scrubbed(bench)).damages.map(({ cause }) => cause),
    ['unknown'],
    'checksums that do not verify themselves are none, and their damage is none of the disk',
  );
});

test('map pages: one copy costs nothing, a leaf costs its 512 blocks', async () => {
  using bench = new DiskBench();
  await closedDisk(bench);
  await scrubbed(bench);
  const second = await placeOf(bench, { block: 0, level: 2, copy: 1 });
  flip(second.file, second.at);
  let report = await scrubbed(bench);
  assert.deepEqual(
    report.damages.map(({ cause, costs }) => [cause, costs]),
    [['rot', []]],
  );
  flip(second.file, second.at);
  const leaf = await placeOf(bench, { block: 0, level: 0 });
  flip(leaf.file, leaf.at);
  report = await scrubbed(bench);
  assert.deepEqual(
    report.damages.map(({ costs }) => costs),
    [[{ snapshotId: '', firstBlock: 0, blockCount: 512 }]],
  );
});

test('a segment without its file, damaged headers, heads, tables and roots are each named', async () => {
  using bench = new DiskBench();
  await closedDisk(bench);
  await scrubbed(bench);
  const directory = bench.directory();
  const { file } = await placeOf(bench, { block: 9 });
  renameSync(file, path.join(bench.root, 'aside'));
  const missing = await scrubbed(bench);
  assert.ok(missing.damages.every(({ cause }) => cause === 'missing'));
  assert.deepEqual(
    missing.damages.flatMap(({ costs }) => costs.filter(({ snapshotId }) => snapshotId === '')),
    [{ snapshotId: '', firstBlock: 5, blockCount: 15 }],
  );
  renameSync(path.join(bench.root, 'aside'), file);

  const disk = await bench.open();
  flip(file, 700);
  const head = path.join(directory, 'head');
  flip(head, 4096 + 200);
  const [table = ''] = readdirSync(path.join(directory, 'tables'));
  flip(path.join(directory, 'tables', table), 100);
  flip(path.join(directory, 'roots', SNAPSHOT), 50);
  const { damages } = await disk.scrub({});
  await disk.close();
  assert.deepEqual(
    damages
      .map((damage) => [damage.file, damage.cause, damage.costs.length])
      .sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)),
    [
      ['head', 'unknown', 0],
      [`roots/${SNAPSHOT}`, 'unknown', 0],
      [`seg/${path.basename(file)}`, 'rot', 0],
      [`tables/${table}`, 'unknown', 0],
    ],
  );
});

test('while clients write, take and delete snapshots, a scrub finds no damage that is none', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: { segmentSlots: 32, checkpointSlots: 64 } });
  await closedDisk(bench);
  const disk = await bench.open();
  let writing = true;
  const writer = (async () => {
    for (let i = 0; writing; i++) {
      await disk.write((i % 40) * 4096, blockOf(i), { fua: i % 7 === 0 });
      if (i % 50 === 49) await disk.snapshot(`s-${i}`);
      if (i % 100 === 99) rmSync(path.join(bench.directory(), 'roots', `s-${i}`));
    }
  })();
  for (let i = 0; i < 4; i++) assert.deepEqual((await disk.scrub({})).damages, []);
  writing = false;
  await writer;
  await disk.close();
  assert.ok(readdirSync(path.join(bench.directory(), 'sums')).length > 3);
});

test('a damaged block that is written again while the scrub runs is whole, and not reported', async () => {
  let disk: Disk | undefined;
  let failures = 0;
  let healed: Promise<void> | undefined;
  // At a byte in a second the scrub, and nothing else, rests for long: until the write is answered.
  const sleep: typeof systemClock.sleep = async (ms, signal) => {
    if (ms < 100_000) await systemClock.sleep(ms, signal);
    else if (failures > 0) await (healed ??= disk?.write(2 * 4096, blockOf(7), { fua: false }));
  };
  using bench = new DiskBench('aes-256-gcm', { clock: { ...systemClock, sleep } });
  await closedDisk(bench);
  const { file, at } = await placeOf(bench, { block: 2 });
  flip(file, at);
  disk = await bench.open();
  const { damages } = await disk.scrub({
    rateBytes: 1,
    onProgress: ({ damageCount }) => {
      failures = damageCount;
    },
  });
  assert.equal(failures, 1);
  assert.deepEqual(damages, []);
  await disk.close();
});

test('a scrub keeps to its rate, tells how far it is, and ends when it is stopped or the disk is closed', async () => {
  using bench = new DiskBench();
  await bench.create();
  const disk: Disk = await bench.open();
  for (let i = 0; i < 600; i++) await disk.write(i * 4096, blockOf(i), { fua: false });
  const shares: number[] = [];
  const started = performance.now();
  await disk.scrub({
    rateBytes: 8 * 1024 * 1024,
    onProgress: ({ slotsDone, slotsTotal }) => shares.push(slotsDone / slotsTotal),
  });
  const tookMs = performance.now() - started;
  assert.ok(tookMs > 180, `607 slots at 8 MiB/s take 300 ms less what may be caught up, not ${tookMs}`);
  assert.equal(shares.at(-1), 1);
  assert.ok(shares.length > 3);
  const stopped = new AbortController();
  const reason = new Error('enough');
  const slow = disk.scrub({ rateBytes: 4096, signal: stopped.signal });
  stopped.abort(reason);
  await assert.rejects(slow, reason);
  const closing = assert.rejects(disk.scrub({ rateBytes: 4096 }), { code: 'SCRUB_STOPPED' });
  await disk.close();
  await closing;
});

test('a disk that was replayed in memory is scrubbed as it is read, and nothing is written', async () => {
  using bench = new DiskBench();
  await bench.create();
  const disk = await bench.open();
  for (let i = 0; i < 5; i++) await disk.write(i * 4096, blockOf(i), { fua: true });
  await disk.abandon();
  const { damages, slots } = await scrubbed(bench, { readOnly: true });
  assert.deepEqual([damages, slots], [[], 5]);
  assert.ok(!existsSync(path.join(bench.directory(), 'sums')));
});

test('without a key a scrub finds slots whose checksum does not fit, and records whose copies differ', async () => {
  using bench = new DiskBench();
  await closedDisk(bench);
  const directory = bench.directory();
  const keyless = () => scrubWithoutKey(bench.env, directory, {});
  assert.equal((await keyless()).damageCount, 0);
  await scrubbed(bench);
  const whole = await keyless();
  assert.deepEqual([whole.damageCount, whole.withKey], [0, false]);
  assert.ok(whole.slots >= 39);
  const { file, at, slot } = await placeOf(bench, { block: 7 });
  flip(file, at + 9);
  flip(file, 20);
  flip(path.join(directory, 'head'), 4096 + 200);
  flip(path.join(directory, 'roots', SNAPSHOT), 50);
  const name = `seg/${path.basename(file)}`;
  assert.deepEqual(
    (await keyless()).damages.map((damage) => [damage.file, damage.cause, damage.slot]),
    [
      ['head', 'unknown', undefined],
      [`roots/${SNAPSHOT}`, 'unknown', undefined],
      [name, 'rot', undefined],
      [name, 'rot', slot],
    ],
  );
});
