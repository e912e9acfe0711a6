// A disk that was not closed in order, opened for reading only: replayed in memory, nothing written. And salvage.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { openDisk } from '../../../src/block/disk.ts';
import type { FileSystem } from '../../../src/block/files/file-system.ts';
import { localFiles } from '../../../src/block/files/local-files.ts';
import { lossInWords } from '../../../src/block/state/recovery.ts';
import { SLOT_SIZE_BYTES, slotOffset } from '../../../src/block/format/slot-format.ts';
import { blockOf, dataKeyOf, DiskBench } from '../disk-fixture.ts';

/** Every file below a directory, by name, as a digest. */
function digests(directory: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(directory, { recursive: true }) as string[]) {
    const file = path.join(directory, name);
    if (statSync(file).isFile()) found.set(name, createHash('sha256').update(readFileSync(file)).digest('hex'));
  }
  return found;
}

/** A file system on which nothing can be written, as one without a free byte. */
const fullFiles: FileSystem = {
  ...localFiles,
  create: (file) => Promise.reject(Object.assign(new Error(`ENOSPC: ${file}`), { code: 'ENOSPC' })),
  open: async (file, mode) => {
    const opened = await localFiles.open(file, mode);
    const write = (): Promise<void> => Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }));
    return {
      read: (buffer, position) => opened.read(buffer, position),
      write,
      sync: () => opened.sync(),
      sizeBytes: () => opened.sizeBytes(),
      close: () => opened.close(),
    };
  },
};

async function crashedDisk(bench: DiskBench, blocks = 10): Promise<void> {
  await bench.create();
  const disk = await bench.open();
  for (let i = 0; i < blocks; i++) {
    await disk.write(i * 4096, blockOf(i + 1), { fua: false });
    await disk.flush();
  }
  await disk.trim(0, 4096, { fua: true });
  await disk.abandon();
}

const read = async (disk: { read(offset: number, length: number): Promise<Uint8Array> }, block: number) =>
  Buffer.from(await disk.read(block * 4096, 4096));

test('an unclean disk is read on a store without a free byte, and no file of it changes', async () => {
  using bench = new DiskBench();
  await crashedDisk(bench);
  const before = digests(bench.directory());
  using full = new DiskBench('aes-256-gcm', { files: fullFiles });
  const disk = await openDisk(full.env, bench.directory(), {
    diskId: 'd-1',
    dataKey: dataKeyOf('aes-256-gcm'),
    pin: undefined,
    readOnly: true,
  });
  assert.equal(disk.recovered, true);
  assert.deepEqual(await read(disk, 0), Buffer.alloc(4096));
  for (let i = 1; i < 10; i++) assert.deepEqual(await read(disk, i), blockOf(i + 1));
  await disk.close();
  assert.deepEqual(digests(bench.directory()), before);
  const again = await bench.open();
  assert.equal(again.recovered, true, 'the recovery is still to be done');
  assert.deepEqual(await read(again, 9), blockOf(10));
  await again.close();
});

test('a snapshot of an unclean disk that is open for reading only recovers its files first', async () => {
  using bench = new DiskBench();
  await crashedDisk(bench);
  const disk = await bench.open({ readOnly: true });
  const reading = read(disk, 5);
  await disk.snapshot('s-1');
  assert.deepEqual(await reading, blockOf(6));
  assert.deepEqual(await read(disk, 5), blockOf(6));
  await disk.close();
  const again = await bench.open({ expectClean: true });
  assert.equal(again.recovered, false);
  assert.deepEqual(await read(again, 9), blockOf(10));
  await again.close();
});

/** Flips a byte in a slot of the only log segment of the last session. */
function damageSlot(bench: DiskBench, slot: number): void {
  const seg = path.join(bench.directory(), 'seg');
  const [name] = readdirSync(seg)
    .filter((file) => /^[0-9a-f]{32}$/.test(file))
    .sort((a, b) => statSync(path.join(seg, b)).size - statSync(path.join(seg, a)).size);
  const file = path.join(seg, name ?? '');
  const bytes = readFileSync(file);
  assert.ok(bytes.length >= slotOffset(slot) + SLOT_SIZE_BYTES);
  bytes[slotOffset(slot) + 100] = (bytes[slotOffset(slot) + 100] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

test('a log that is damaged although it was flushed is refused; salvage reads what lies before and says what is lost', async () => {
  using bench = new DiskBench();
  await crashedDisk(bench);
  // Slot 0 is the begin note, slot 5 the write of block 4.
  damageSlot(bench, 5);
  const before = digests(bench.directory());
  await assert.rejects(bench.open(), { code: 'LOG_CORRUPT' });
  await assert.rejects(bench.open({ readOnly: true }), { code: 'LOG_CORRUPT' });
  const disk = await bench.open({ readOnly: true, salvage: true });
  assert.equal(disk.loss?.end.slot, 5);
  assert.equal(disk.loss.durable.slot, 12, 'ten blocks, a note and a trim were flushed');
  assert.match(disk.loss.reasons.join(), /slot 5 of log segment/);
  for (let i = 0; i < 4; i++) assert.deepEqual(await read(disk, i), blockOf(i + 1));
  for (let i = 4; i < 10; i++) assert.deepEqual(await read(disk, i), Buffer.alloc(4096));
  await assert.rejects(disk.write(0, blockOf(1), { fua: false }), { kind: 'denied' });
  await assert.rejects(disk.snapshot('s-1'), { kind: 'denied' });
  await disk.close();
  assert.deepEqual(digests(bench.directory()), before);
  assert.ok(bench.log.errors().includes('a damaged log was read up to the damage'));
});

test('salvage without the log segment itself is the last checkpoint', async () => {
  using bench = new DiskBench();
  await crashedDisk(bench);
  const first = await bench.open();
  await first.write(4096, blockOf(77), { fua: true });
  await first.abandon();
  const seg = path.join(bench.directory(), 'seg');
  const newest = readdirSync(seg).sort(
    (a, b) => statSync(path.join(seg, b)).mtimeMs - statSync(path.join(seg, a)).mtimeMs,
  )[0];
  renameSync(path.join(seg, newest ?? ''), path.join(bench.root, 'aside'));
  await assert.rejects(bench.open({ readOnly: true }), { code: 'LOG_MISSING' });
  const disk = await bench.open({ readOnly: true, salvage: true });
  assert.deepEqual(await read(disk, 1), blockOf(2));
  assert.match(disk.loss?.reasons.join() ?? '', /is missing/);
  await disk.close();
});

test('what a salvage leaves out is said in a sentence', () => {
  const end = { segment: 3, slot: 5 };
  assert.equal(
    lossInWords({ end, durable: { segment: 3, slot: 12 }, reasons: ['slot 5 is damaged'] }),
    'everything written behind slot 5 of log segment 3 is left out; ' +
      'what lies before slot 12 of segment 3 had been flushed (slot 5 is damaged)',
  );
  assert.match(lossInWords({ end, durable: end, reasons: [] }), /nothing proves/);
});
