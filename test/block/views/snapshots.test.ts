import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { cloneDisk, deleteDisk, deleteSnapshot, removeLeftoverDirectories } from '../../../src/block/disk.ts';
import type { Disk } from '../../../src/block/disk.ts';
import { localFiles } from '../../../src/block/files/local-files.ts';
import type { Pin } from '../../../src/block/format/pin.ts';
import { GiB } from '../../../src/base/units.ts';
import { blockOf, dataKeyOf, DiskBench } from '../disk-fixture.ts';

const CLONE_KEY = dataKeyOf('aes-256-gcm', 99);

function clone(bench: DiskBench, snapshotId: string, diskId: string, from = bench.directory()): Promise<Pin> {
  return cloneDisk(
    bench.env,
    { directory: from, snapshotId, dataKey: dataKeyOf('aes-256-gcm'), pin: undefined },
    { directory: bench.directory(diskId), identity: bench.identity(diskId, 2 * GiB), dataKey: CLONE_KEY },
  );
}

async function expectBlock(disk: Disk, block: number, stamp: number): Promise<void> {
  const expected = stamp === 0 ? new Uint8Array(4096) : blockOf(stamp);
  assert.deepEqual(Buffer.from(await disk.read(block * 4096, 4096)), Buffer.from(expected), `block ${block}`);
}

test('a snapshot of an open disk keeps what was answered; clones share its files and go their own ways', async () => {
  using bench = new DiskBench();
  await bench.create();
  const disk = await bench.open();
  for (let i = 0; i < 50; i++) await disk.write(i * 4096, blockOf(i + 1), { fua: false });
  const pin = await disk.snapshot('s-1');
  await disk.write(0, blockOf(1001), { fua: false });

  const clonePin = await clone(bench, 's-1', 'd-2');
  const copy = await bench.open({ diskId: 'd-2', dataKey: CLONE_KEY, pin: clonePin });
  assert.equal(copy.sizeBytes, 2 * GiB, 'a clone may be larger');
  for (let i = 0; i < 50; i++) await expectBlock(copy, i, i + 1);
  await copy.write(4096, blockOf(2001), { fua: true });
  await copy.write(2 * GiB - 4096, blockOf(2002), { fua: false });
  await copy.snapshot('s-2');
  await copy.close();

  await expectBlock(disk, 0, 1001);
  await expectBlock(disk, 1, 2);
  assert.ok((await disk.close()).sequence > pin.sequence);

  const shared = readdirSync(path.join(bench.directory('d-2'), 'seg')).filter(
    (name) => statSync(path.join(bench.directory('d-2'), 'seg', name)).nlink === 2,
  );
  assert.ok(shared.length > 0, 'no data was copied');

  await deleteDisk(bench.env, bench.directory(), path.join(bench.root, 'retired', 'd-1'), { keep: [], drop: ['s-1'] });
  assert.ok(!existsSync(bench.directory()));
  const grandchild = dataKeyOf('aes-256-gcm', 100);
  await cloneDisk(
    bench.env,
    { directory: bench.directory('d-2'), snapshotId: 's-2', dataKey: CLONE_KEY, pin: undefined },
    { directory: bench.directory('d-3'), identity: bench.identity('d-3', 2 * GiB), dataKey: grandchild },
  );
  const third = await bench.open({ diskId: 'd-3', dataKey: grandchild });
  await expectBlock(third, 0, 1);
  await expectBlock(third, 1, 2001);
  await expectBlock(third, 49, 50);
  await third.close();
});

test('a snapshot needs no write since the open, and opens nothing under another key', async () => {
  using bench = new DiskBench();
  await bench.create();
  let disk = await bench.open();
  await disk.write(0, blockOf(1), { fua: false });
  const pin = await disk.close();
  disk = await bench.open({ pin });
  assert.equal((await disk.snapshot('s-1')).sequence, pin.sequence + 1);
  await disk.close();
  await clone(bench, 's-1', 'd-2');
  await assert.rejects(bench.open({ diskId: 'd-2', dataKey: dataKeyOf('aes-256-gcm') }), { kind: 'corrupt' });
  const wrong = { directory: bench.directory(), snapshotId: 's-1', dataKey: CLONE_KEY, pin: undefined };
  const target = { directory: bench.directory('d-3'), identity: bench.identity('d-3'), dataKey: CLONE_KEY };
  await assert.rejects(cloneDisk(bench.env, wrong, target), { kind: 'corrupt' });
});

test("a clone cannot open what its parent wrote after the snapshot, nor the parent's keys", async () => {
  using bench = new DiskBench();
  await bench.create();
  const disk = await bench.open();
  await disk.write(0, blockOf(1), { fua: false });
  await disk.snapshot('s-1');
  const before = new Set(readdirSync(path.join(bench.directory(), 'seg')));
  await disk.write(4096, blockOf(2), { fua: false });
  await disk.checkpoint();
  await disk.close();
  await clone(bench, 's-1', 'd-2');
  const linked = readdirSync(path.join(bench.directory('d-2'), 'seg'));
  // The segment that was begun for the snapshot is the log's next one: it is not the clone's, and neither is its epoch.
  const current = readdirSync(path.join(bench.directory(), 'seg')).filter((name) => !linked.includes(name));
  assert.ok(current.length > 0 && linked.every((name) => before.has(name)));
  const tables = path.join(bench.directory('d-2'), 'tables');
  const table = readFileSync(path.join(tables, readdirSync(tables)[0] ?? ''));
  for (const name of current) {
    const epochId = readFileSync(path.join(bench.directory(), 'seg', name)).subarray(56, 72);
    assert.ok(!table.includes(epochId), 'the clone holds no key of later segments');
  }
});

test('what cannot be linked is copied', async () => {
  const refuse = (): Promise<void> => Promise.reject(Object.assign(new Error('cross-device'), { code: 'EXDEV' }));
  using bench = new DiskBench('aes-256-gcm', { files: { ...localFiles, link: refuse } });
  await bench.create();
  const disk = await bench.open();
  for (let i = 0; i < 20; i++) await disk.write(i * 4096, blockOf(i + 1), { fua: false });
  await disk.snapshot('s-1');
  await disk.close();
  await clone(bench, 's-1', 'd-2');
  await deleteDisk(bench.env, bench.directory(), path.join(bench.root, 'retired'), { keep: [], drop: ['s-1'] });
  const copy = await bench.open({ diskId: 'd-2', dataKey: CLONE_KEY });
  for (let i = 0; i < 20; i++) await expectBlock(copy, i, i + 1);
  await copy.close();
});

test('snapshots outlive their disk, and the last one takes the rest along', async () => {
  using bench = new DiskBench();
  await bench.create();
  const disk = await bench.open();
  for (const [i, snapshotId] of ['s-1', 's-2', 's-3'].entries()) {
    await disk.write(0, blockOf(i + 1), { fua: false });
    await disk.snapshot(snapshotId);
  }
  const retired = path.join(bench.root, 'retired', 'd-1');
  const none = { keep: [], drop: [] };
  await assert.rejects(deleteDisk(bench.env, bench.directory(), retired, none), { kind: 'conflict' }, 'it is open');
  await disk.close();
  const missing = { keep: ['s-4'], drop: ['s-1'] };
  await assert.rejects(deleteDisk(bench.env, bench.directory(), retired, missing), { kind: 'not-found' });
  await (await bench.open()).close();
  const fates = { keep: ['s-1', 's-3'], drop: ['s-2'] };
  await deleteDisk(bench.env, bench.directory(), retired, fates);
  await deleteDisk(bench.env, bench.directory(), retired, fates);
  assert.deepEqual(readdirSync(path.join(retired, 'roots')).sort(), ['s-1', 's-3']);
  await clone(bench, 's-3', 'd-2', retired);
  const copy = await bench.open({ diskId: 'd-2', dataKey: CLONE_KEY });
  await expectBlock(copy, 0, 3);
  await copy.close();
  await assert.rejects(clone(bench, 's-2', 'd-3', retired), { kind: 'not-found' });
  for (const snapshotId of ['s-1', 's-1', 's-3', 's-3']) await deleteSnapshot(bench.env, retired, snapshotId);
  assert.deepEqual(readdirSync(path.join(bench.root, 'retired')), []);
});

test('a snapshot that the deletion of its disk does not know stays, and is named', async () => {
  for (const fates of [
    { keep: [], drop: [] },
    { keep: ['s-1'], drop: ['s-2'] },
    { keep: [], drop: ['s-1', 's-2', 's-4'] },
  ]) {
    using bench = new DiskBench();
    await bench.create();
    const disk = await bench.open();
    for (const [i, snapshotId] of ['s-1', 's-2', 's-3'].entries()) {
      await disk.write(0, blockOf(i + 1), { fua: false });
      await disk.snapshot(snapshotId);
    }
    await disk.write(0, blockOf(4), { fua: false });
    await disk.close();
    // Begun, but no snapshot: it keeps nothing.
    writeFileSync(path.join(bench.directory(), 'roots', 's-5.new'), '');
    const { keep, drop } = fates;
    const unknown = ['s-1', 's-2', 's-3'].filter((id) => !keep.includes(id) && !drop.includes(id));
    const retired = path.join(bench.root, 'retired', 'd-1');
    await deleteDisk(bench.env, bench.directory(), retired, fates);
    await deleteDisk(bench.env, bench.directory(), retired, fates);
    assert.ok(!existsSync(bench.directory()));
    assert.deepEqual(readdirSync(path.join(retired, 'roots')).toSorted(), [...keep, ...unknown]);
    const said = bench.log.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields['snapshotIds']);
    assert.deepEqual(said, [unknown]);

    // The last one that is known does not take it along.
    for (const snapshotId of keep) await deleteSnapshot(bench.env, retired, snapshotId);
    await clone(bench, 's-3', 'd-2', retired);
    const copy = await bench.open({ diskId: 'd-2', dataKey: CLONE_KEY });
    await expectBlock(copy, 0, 3);
    await copy.close();
    // Who knows them all deletes them all, though the disk is long gone.
    await deleteDisk(bench.env, bench.directory(), retired, { keep: [], drop: unknown });
    assert.deepEqual(readdirSync(path.join(bench.root, 'retired')), []);
  }
});

test('a deletion whose move fails leaves a disk that the last snapshot does not take along', async () => {
  let broken = true;
  const rename: typeof localFiles.rename = (from, to) =>
    broken && to.includes('retired')
      ? Promise.reject(Object.assign(new Error('broken'), { code: 'EIO' }))
      : localFiles.rename(from, to);
  using bench = new DiskBench('aes-256-gcm', { files: { ...localFiles, rename } });
  await bench.create();
  let disk = await bench.open();
  await disk.write(0, blockOf(1), { fua: false });
  await disk.snapshot('s-1');
  await disk.close();
  const retired = path.join(bench.root, 'retired', 'd-1');
  await assert.rejects(deleteDisk(bench.env, bench.directory(), retired, { keep: ['s-1'], drop: [] }), {
    kind: 'unavailable',
  });
  // What a deletion of an earlier version left.
  writeFileSync(path.join(bench.directory(), 'retired'), '');
  disk = await bench.open({ readOnly: true });
  await deleteSnapshot(bench.env, bench.directory(), 's-1');
  await expectBlock(disk, 0, 1);
  await disk.close();
  disk = await bench.open();
  await disk.snapshot('s-2');
  await disk.close();
  broken = false;
  await deleteDisk(bench.env, bench.directory(), retired, { keep: ['s-2'], drop: [] });
  await deleteSnapshot(bench.env, retired, 's-2');
  assert.deepEqual(readdirSync(path.join(bench.root, 'retired')), []);
});

test('a deletion that ended after the move is finished when it is asked for again', async () => {
  using bench = new DiskBench();
  await bench.create();
  const disk = await bench.open();
  await disk.snapshot('s-1');
  await disk.close();
  const retired = path.join(bench.root, 'retired', 'd-1');
  await deleteDisk(bench.env, bench.directory(), retired, { keep: ['s-1'], drop: [] });
  rmSync(path.join(retired, 'retired'));
  await deleteDisk(bench.env, bench.directory(), retired, { keep: ['s-1'], drop: [] });
  const held = localFiles.lock(path.join(retired, 'lock'));
  await assert.rejects(deleteSnapshot(bench.env, retired, 's-1'), { kind: 'conflict' });
  held[Symbol.dispose]();
  await deleteSnapshot(bench.env, retired, 's-1');
  assert.ok(!existsSync(retired));
});

test('clones that cannot be are refused and leave nothing', async () => {
  using bench = new DiskBench();
  await bench.create();
  const disk = await bench.open();
  await disk.write(0, blockOf(1), { fua: false });
  const pin = await disk.snapshot('s-1');
  await disk.close();
  const dataKey = dataKeyOf('aes-256-gcm');
  const source = { directory: bench.directory(), snapshotId: 's-1', dataKey, pin };
  const target = { directory: bench.directory('d-2'), identity: bench.identity('d-2'), dataKey: CLONE_KEY };
  const refusals: [() => Promise<unknown>, object][] = [
    [() => cloneDisk(bench.env, { ...source, snapshotId: 's-2' }, target), { kind: 'not-found' }],
    [
      () => cloneDisk(bench.env, source, { ...target, identity: bench.identity('d-2', GiB - 4096) }),
      { kind: 'invalid' },
    ],
    [() => cloneDisk(bench.env, { ...source, pin: { ...pin, sequence: 99 } }, target), { kind: 'rolled-back' }],
    [() => cloneDisk(bench.env, source, { ...target, directory: bench.directory() }), { kind: 'conflict' }],
  ];
  for (const [refused, reason] of refusals) await assert.rejects(refused(), reason);
  assert.deepEqual(readdirSync(bench.root), ['d-1']);
});

test('sizes are 1 GiB to 64 TiB in whole blocks', async () => {
  using bench = new DiskBench();
  for (const sizeBytes of [0, GiB - 4096, GiB + 1, 64 * 1024 * GiB + 4096])
    await assert.rejects(bench.create('d-1', sizeBytes), { kind: 'invalid', code: 'BAD_SIZE' });
  await bench.create();
  await assert.rejects(bench.create(), { kind: 'conflict', code: 'DISK_EXISTS' });
});

test('the rest of an interrupted creation or deletion is removed', async () => {
  using bench = new DiskBench();
  await bench.create();
  for (const name of ['.unfinished-d-2', '.trash-d-3']) {
    mkdirSync(path.join(bench.root, name, 'seg'), { recursive: true });
  }
  await removeLeftoverDirectories(bench.env, bench.root);
  assert.deepEqual(readdirSync(bench.root), ['d-1']);
  await removeLeftoverDirectories(bench.env, path.join(bench.root, 'nowhere'));
});
