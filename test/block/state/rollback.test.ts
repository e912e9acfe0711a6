import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { cloneDisk, openDisk } from '../../../src/block/disk.ts';
import { DiskKeys } from '../../../src/block/keys/disk-keys.ts';
import type { Pin } from '../../../src/block/format/pin.ts';
import { localFiles } from '../../../src/block/files/local-files.ts';
import { nodeCipherBackend } from '../../../src/crypto/node-aead.ts';
import { blockOf, dataKeyOf, DiskBench } from '../disk-fixture.ts';

/** Replaces the disk's files by a copy; the directory itself stays, as a restore in place would leave it. */
function restore(from: string, to: string): void {
  for (const name of readdirSync(to)) rmSync(path.join(to, name), { recursive: true });
  cpSync(from, to, { recursive: true });
}

test('older files put back are refused, whole or only the head', async () => {
  using bench = new DiskBench();
  const created = await bench.create();
  const disk = await bench.open({ pin: created });
  await disk.write(0, blockOf(1), { fua: false });
  const firstPin = await disk.close();
  const older = path.join(bench.root, 'older');
  cpSync(bench.directory(), older, { recursive: true });

  const again = await bench.open({ pin: firstPin });
  await again.write(0, blockOf(2), { fua: false });
  const newestPin = await again.close();
  const newest = path.join(bench.root, 'newest');
  cpSync(bench.directory(), newest, { recursive: true });

  restore(older, bench.directory());
  await assert.rejects(bench.open({ pin: newestPin }), { kind: 'rolled-back', code: 'DISK_ROLLED_BACK' });
  restore(newest, bench.directory());
  cpSync(path.join(older, 'head'), path.join(bench.directory(), 'head'));
  await assert.rejects(bench.open({ pin: newestPin }), { kind: 'rolled-back' });
  restore(newest, bench.directory());
  const opened = await bench.open({ pin: firstPin });
  assert.deepEqual(Buffer.from(await opened.read(0, 4096)), blockOf(2), 'newer than the pin is fine');
  await opened.close();
});

test('a snapshot of a disk that nobody writes makes every older copy of its files old', async () => {
  using bench = new DiskBench();
  await bench.create();
  let disk = await bench.open();
  await disk.write(0, blockOf(1), { fua: false });
  const before = await disk.close();
  const older = path.join(bench.root, 'older');
  cpSync(bench.directory(), older, { recursive: true });
  disk = await bench.open({ pin: before });
  await disk.snapshot('s-1');
  const pin = await disk.close();
  await (await bench.open({ pin })).close();
  restore(older, bench.directory());
  await assert.rejects(bench.open({ pin }), { code: 'DISK_ROLLED_BACK' });
});

test('a session is pinned from its first head on, and a recovery as soon as it is done', async () => {
  using bench = new DiskBench();
  const created = await bench.create();
  const older = path.join(bench.root, 'older');
  cpSync(bench.directory(), older, { recursive: true });
  let disk = await bench.open({ pin: created });
  const pins: Pin[] = [];
  disk.onPin = (pin) => pins.push(pin);
  await disk.write(0, blockOf(1), { fua: true });
  assert.deepEqual(
    pins.map(({ sequence }) => sequence),
    [created.sequence + 1],
  );
  const crashed = path.join(bench.root, 'crashed');
  cpSync(bench.directory(), crashed, { recursive: true });
  await disk.abandon();
  disk = await bench.open({ pin: pins[0] });
  const recovered = disk.pin;
  assert.ok(disk.recovered && recovered.sequence > created.sequence + 1);
  await disk.abandon();
  restore(older, bench.directory());
  await assert.rejects(bench.open({ pin: pins[0] }), { code: 'DISK_ROLLED_BACK' });
  restore(crashed, bench.directory());
  await assert.rejects(bench.open({ pin: recovered, adopt: true }), { code: 'DISK_ROLLED_BACK' });
});

test('another history with the same sequence is refused', async () => {
  using bench = new DiskBench();
  const created = await bench.create();
  const fork = path.join(bench.root, 'fork');
  cpSync(bench.directory(), fork, { recursive: true });
  const write = async (stamp: number) => {
    const disk = await bench.open({ pin: created });
    await disk.write(0, blockOf(stamp), { fua: false });
    return disk.close();
  };
  const ours = await write(1);
  restore(fork, bench.directory());
  const theirs = await write(2);
  assert.equal(ours.sequence, theirs.sequence);
  await assert.rejects(bench.open({ pin: ours }), { kind: 'rolled-back' });
});

test('a snapshot of an older state is not what a pinned source answers with', async () => {
  using bench = new DiskBench();
  await bench.create();
  const disk = await bench.open();
  await disk.write(0, blockOf(1), { fua: false });
  await disk.snapshot('s-1');
  await disk.write(0, blockOf(2), { fua: false });
  await disk.snapshot('s-2');
  await disk.close();
  const roots = path.join(bench.directory(), 'roots');
  cpSync(path.join(roots, 's-1'), path.join(roots, 's-2'));
  const source = {
    directory: bench.directory(),
    snapshotId: 's-2',
    dataKey: dataKeyOf('aes-256-gcm'),
    pin: undefined,
  };
  const target = {
    directory: bench.directory('d-2'),
    identity: bench.identity('d-2'),
    dataKey: dataKeyOf('aes-256-gcm', 9),
  };
  await assert.rejects(cloneDisk(bench.env, source, target), { kind: 'corrupt' });
  assert.ok(!readdirSync(bench.root).includes('d-2'), 'nothing was made');
});

test('a closed disk opens in a copied directory, one that was left open only after adoption', async () => {
  using bench = new DiskBench();
  await bench.create();
  let disk = await bench.open();
  await disk.write(0, blockOf(1), { fua: false });
  const pin = await disk.close();
  cpSync(bench.directory(), bench.directory('copy'), { recursive: true });
  rmSync(bench.directory(), { recursive: true });
  renameSync(bench.directory('copy'), bench.directory());
  disk = await bench.open({ pin });
  await disk.write(0, blockOf(2), { fua: true });
  await disk.abandon();

  cpSync(bench.directory(), bench.directory('copy'), { recursive: true });
  rmSync(bench.directory(), { recursive: true });
  renameSync(bench.directory('copy'), bench.directory());
  await assert.rejects(bench.open({ pin }), { kind: 'conflict', code: 'DISK_OPEN_ELSEWHERE' });
  disk = await bench.open({ pin, adopt: true });
  assert.deepEqual(Buffer.from(await disk.read(0, 4096)), blockOf(2));
  await disk.close();
});

test('a disk that was left open on another machine is refused until it is adopted', async () => {
  using bench = new DiskBench();
  await bench.create();
  const disk = await bench.open();
  await disk.write(0, blockOf(1), { fua: true });
  await disk.abandon();
  const elsewhere = { ...bench.env, machineId: 'machine-2' };
  const options = { diskId: 'd-1', dataKey: dataKeyOf('aes-256-gcm'), pin: undefined, readOnly: false };
  await assert.rejects(openDisk(elsewhere, bench.directory(), options), { code: 'DISK_OPEN_ELSEWHERE' });
  const adopted = await openDisk(elsewhere, bench.directory(), { ...options, adopt: true });
  assert.deepEqual(Buffer.from(await adopted.read(0, 4096)), blockOf(1));
  await adopted.close();
});

test('a disk of a newer version is refused and called so', async () => {
  using bench = new DiskBench();
  await bench.create();
  const file = path.join(bench.directory(), 'head');
  const both = readFileSync(file);
  const keys = new DiskKeys(nodeCipherBackend(), dataKeyOf('aes-256-gcm'));
  for (const copy of [both.subarray(0, 4096), both.subarray(4096)]) {
    copy[8] = 3;
    copy.set(keys.mac('head', copy.subarray(0, -32)), 4096 - 32);
  }
  writeFileSync(file, both);
  await assert.rejects(bench.open(), { kind: 'conflict', code: 'FORMAT_UNKNOWN' });
});

test('a disk without its head is damaged, not unavailable', async () => {
  using bench = new DiskBench();
  await bench.create();
  rmSync(path.join(bench.directory(), 'head'));
  await assert.rejects(bench.open(), { kind: 'corrupt', code: 'FILE_MISSING' });
});

test('a disk in a directory of any inode is written, left open and opened again', async () => {
  const inode = 2 ** 63 + 2 ** 40 + 2 ** 20;
  const stat: typeof localFiles.stat = async (file) => {
    const status = await localFiles.stat(file);
    return status && { ...status, inode };
  };
  using bench = new DiskBench('aes-256-gcm', { files: { ...localFiles, stat } });
  await bench.create();
  let disk = await bench.open();
  await disk.write(0, blockOf(1), { fua: true });
  await disk.abandon();
  disk = await bench.open();
  assert.deepEqual(Buffer.from(await disk.read(0, 4096)), blockOf(1));
  await disk.close();
});

test('a wrong key, suite or disk id opens nothing', async () => {
  using bench = new DiskBench();
  await bench.create();
  await assert.rejects(bench.open({ dataKey: dataKeyOf('aes-256-gcm', 8) }), { kind: 'corrupt', code: 'HEAD_CORRUPT' });
  await assert.rejects(bench.open({ dataKey: dataKeyOf('sm4-gcm') }), { kind: 'corrupt', code: 'WRONG_SUITE' });
  renameSync(bench.directory(), bench.directory('d-2'));
  await assert.rejects(bench.open({ diskId: 'd-2' }), { kind: 'corrupt', code: 'WRONG_DISK' });
});

test('with the position of the log pinned, a shorter log is refused although the mark went with it', async () => {
  using bench = new DiskBench('aes-256-gcm', { limits: { segmentSlots: 8 } });
  await bench.create();
  const disk = await bench.open();
  for (let i = 0; i < 10; i++) await disk.write(i * 4096, blockOf(i), { fua: true });
  const mark = readFileSync(path.join(bench.directory(), 'mark'));
  await disk.write(10 * 4096, blockOf(10), { fua: true });
  const { pin } = disk;
  assert.ok(pin.log !== undefined && pin.log.slot > 0);
  await disk.abandon();
  const seg = path.join(bench.directory(), 'seg');
  const last = readdirSync(seg).find((name) => numberOf(path.join(seg, name)) === pin.log?.segment) ?? '';
  const crashed = path.join(bench.root, 'crashed');
  cpSync(bench.directory(), crashed, { recursive: true });

  rmSync(path.join(bench.directory(), 'mark'));
  rmSync(path.join(seg, last));
  await assert.rejects(bench.open({ pin, adopt: true }), { kind: 'corrupt' });
  const { sequence, digest } = pin;
  const unnoticed = await bench.open({ pin: { sequence, digest }, adopt: true });
  await unnoticed.abandon();

  restore(crashed, bench.directory());
  writeFileSync(path.join(bench.directory(), 'mark'), mark);
  const file = path.join(seg, last);
  writeFileSync(file, readFileSync(file).subarray(0, 1024 + (pin.log.slot - 1) * 4128));
  await assert.rejects(bench.open({ pin, adopt: true }), { kind: 'corrupt' }, 'an older mark put back');
  restore(crashed, bench.directory());
  const whole = await bench.open({ pin, adopt: true });
  assert.deepEqual(Buffer.from(await whole.read(10 * 4096, 4096)), blockOf(10));
  await whole.close();
});

function numberOf(file: string): number {
  return Number(readFileSync(file).readBigUInt64LE(16));
}
