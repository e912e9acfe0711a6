import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cloneDisk } from '../../src/block/disk.ts';
import { GiB } from '../../src/base/units.ts';
import { blockOf, dataKeyOf, DiskBench } from './disk-fixture.ts';

test('a disk grows while it is used; what is new reads as zeroes, takes writes, trims and status, and stays', async () => {
  using bench = new DiskBench();
  await bench.create();
  let disk = await bench.open();
  await disk.write(GiB - 4096, blockOf(1), { fua: false });
  await disk.snapshot('s-1');
  const before = disk.pin;
  const pin = await disk.grow(3 * GiB);
  assert.equal(pin.sequence, before.sequence + 1);
  assert.equal(disk.sizeBytes, 3 * GiB);
  assert.deepEqual(await disk.grow(3 * GiB), pin, 'the same size again is no error and writes nothing');

  assert.ok((await disk.read(GiB - 4096, 3 * 4096)).subarray(4096).every((byte) => byte === 0));
  const hole = { hole: true, zero: true };
  assert.deepEqual(await disk.blockStatus(GiB - 4096, 2 * GiB + 4096), [
    { lengthBytes: 4096, hole: false, zero: false },
    { lengthBytes: 2 * GiB, ...hole },
  ]);
  assert.deepEqual(await disk.changedSince('s-1', 0, 3 * GiB), [{ lengthBytes: 3 * GiB, dirty: false }]);
  await disk.write(GiB - 2048, Buffer.alloc(4096, 7), { fua: false });
  await disk.write(3 * GiB - 4096, blockOf(2), { fua: true });
  await disk.zero(2 * GiB, 4096, { fua: false, noHole: true });
  await disk.trim(2 * GiB + 4096, GiB - 2 * 4096, { fua: false });
  assert.deepEqual((await disk.changedSince('s-1', GiB, 2 * GiB)).filter(({ dirty }) => dirty).length, 3);
  // Recovery replays writes behind the old end.
  await disk.abandon();
  disk = await bench.open({ pin });
  assert.equal(disk.sizeBytes, 3 * GiB);
  assert.deepEqual(Buffer.from(await disk.read(3 * GiB - 4096, 4096)), Buffer.from(blockOf(2)));
  await disk.snapshot('s-2');
  await disk.close();

  const dataKey = dataKeyOf(bench.suite, 9);
  const source = (snapshotId: string) => ({
    directory: bench.directory(),
    snapshotId,
    dataKey: dataKeyOf(bench.suite),
    pin: undefined,
  });
  const target = (diskId: string) => ({
    directory: bench.directory(diskId),
    identity: bench.identity(diskId),
    dataKey,
  });
  await cloneDisk(bench.env, source('s-1'), target('d-2'));
  await assert.rejects(cloneDisk(bench.env, source('s-2'), target('d-3')), { code: 'CLONE_TOO_SMALL' });
});

test('a disk never shrinks, has no size that none can have, and does not grow while it is only read', async () => {
  using bench = new DiskBench();
  await bench.create('d-1', 2 * GiB);
  let disk = await bench.open();
  await assert.rejects(disk.grow(GiB), { kind: 'invalid', code: 'DISK_SHRINKS' });
  await assert.rejects(disk.grow(2 * GiB + 1), { kind: 'invalid', code: 'BAD_SIZE' });
  await assert.rejects(disk.grow(65 * 1024 * GiB), { kind: 'invalid', code: 'BAD_SIZE' });
  assert.equal(disk.sizeBytes, 2 * GiB);
  const pin = await disk.close();
  disk = await bench.open({ pin, readOnly: true });
  await assert.rejects(disk.grow(3 * GiB), { kind: 'denied', code: 'READ_ONLY' });
  await disk.close();
});
