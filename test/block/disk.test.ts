import assert from 'node:assert/strict';
import { test } from 'node:test';

import { GiB, TiB } from '../../src/base/units.ts';
import { blockOf, DiskBench } from './disk-fixture.ts';

for (const suite of ['aes-256-gcm', 'sm4-gcm'] as const) {
  test(`bytes at any offset come back from an open and from a reopened ${suite} disk`, async () => {
    using bench = new DiskBench(suite);
    const created = await bench.create();
    let disk = await bench.open({ pin: created });
    await disk.write(100, Buffer.from('hello'), { fua: false });
    await disk.write(GiB - 5, Buffer.from('right'), { fua: false });
    await disk.write(8 * 4096 - 3, Buffer.concat([Buffer.from('abc'), blockOf(1), Buffer.from('def')]), { fua: true });
    const expectAll = async (): Promise<void> => {
      assert.equal(Buffer.from(await disk.read(98, 9)).toString('latin1'), '\0\0hello\0\0');
      assert.equal(Buffer.from(await disk.read(GiB - 6, 6)).toString('latin1'), '\0right');
      const across = Buffer.concat([Buffer.from('\0abc'), blockOf(1), Buffer.from('def\0')]);
      assert.deepEqual(Buffer.from(await disk.read(8 * 4096 - 4, across.length)), across);
    };
    await expectAll();
    const pin = await disk.close();
    assert.ok(pin.sequence > created.sequence);
    disk = await bench.open({ pin });
    assert.equal(disk.recovered, false);
    await expectAll();
    assert.deepEqual(await disk.close(), pin, 'an open that wrote nothing changes nothing');
  });
}

test('trimmed and zeroed ranges read as zeroes, and block status tells them apart', async () => {
  using bench = new DiskBench();
  await bench.create();
  const disk = await bench.open();
  for (let block = 0; block < 4; block++) await disk.write(block * 4096, blockOf(block + 1), { fua: false });
  await disk.trim(10, 2 * 4096, { fua: false });
  await disk.zero(3 * 4096 + 10, 20, { fua: false, noHole: false });
  await disk.zero(8 * 4096, 64 * 4096, { fua: false, noHole: true });
  const read = Buffer.from(await disk.read(0, 4 * 4096));
  assert.deepEqual(read.subarray(0, 4096), blockOf(1), 'a partly trimmed block keeps its bytes');
  assert.ok(read.subarray(4096, 8192).every((byte) => byte === 0));
  assert.deepEqual(read.subarray(8192, 3 * 4096), blockOf(3));
  const last = Buffer.from(blockOf(4)).fill(0, 10, 30);
  assert.deepEqual(read.subarray(3 * 4096), last);
  const expected = [
    { lengthBytes: 4096, hole: false, zero: false },
    { lengthBytes: 4096, hole: true, zero: true },
    { lengthBytes: 2 * 4096, hole: false, zero: false },
    { lengthBytes: 4 * 4096, hole: true, zero: true },
    { lengthBytes: 64 * 4096, hole: false, zero: true },
    { lengthBytes: GiB - 72 * 4096, hole: true, zero: true },
  ];
  assert.deepEqual(await disk.blockStatus(0, GiB), expected);
  await disk.checkpoint();
  assert.deepEqual(await disk.blockStatus(0, GiB), expected, 'also from the map');
  assert.deepEqual(await disk.blockStatus(4100, 10), [{ lengthBytes: 10, hole: true, zero: true }]);
  await disk.close();
});

test('blocks whose numbers differ only above bit 31 are different blocks', async () => {
  using bench = new DiskBench();
  await bench.create('d-1', 64 * TiB);
  let disk = await bench.open();
  const offsets = [5 * 4096, (2 ** 32 + 5) * 4096, (2 ** 33 + 5) * 4096, (2 ** 34 - 1) * 4096];
  for (const [i, offset] of offsets.entries()) await disk.write(offset, blockOf(i + 1), { fua: false });
  await disk.trim(2 ** 33 * 4096, 1024 ** 4, { fua: false });
  const expectAll = async (): Promise<void> => {
    for (const [i, offset] of offsets.entries()) {
      const expected = i === 2 ? new Uint8Array(4096) : blockOf(i + 1);
      assert.deepEqual(Buffer.from(await disk.read(offset, 4096)), Buffer.from(expected), `offset ${offset}`);
    }
  };
  await expectAll();
  await disk.close();
  disk = await bench.open();
  await expectAll();
  await disk.close();
});

test('flushed writes are there when the holder vanished', async () => {
  using bench = new DiskBench();
  await bench.create();
  let disk = await bench.open();
  await disk.write(0, blockOf(1), { fua: false });
  await disk.flush();
  await disk.abandon();
  await assert.rejects(bench.open({ expectClean: true }), { code: 'DISK_NOT_CLEAN' });
  disk = await bench.open({ readOnly: true });
  assert.equal(disk.recovered, true);
  assert.deepEqual(Buffer.from(await disk.read(0, 4096)), blockOf(1));
  await assert.rejects(disk.write(0, blockOf(2), { fua: false }), { kind: 'denied' });
  await disk.close();
});

test('a disk that is open is refused to anybody else', async () => {
  using bench = new DiskBench();
  await bench.create();
  const disk = await bench.open();
  await assert.rejects(bench.open(), { kind: 'conflict', code: 'LOCKED' });
  await disk.close();
  await (await bench.open()).close();
});

test('a disk that was opened more often than ciphers are kept still reads everything', async () => {
  using bench = new DiskBench();
  await bench.create();
  for (let i = 0; i < 70; i++) {
    const disk = await bench.open();
    await disk.write(i * 4096, blockOf(i + 1), { fua: false });
    await disk.close();
  }
  const disk = await bench.open();
  for (let i = 0; i < 70; i++) assert.deepEqual(Buffer.from(await disk.read(i * 4096, 4096)), blockOf(i + 1));
  await disk.close();
});
