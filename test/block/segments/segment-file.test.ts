import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { encodeDenseIndex } from '../../../src/block/format/dense-format.ts';
import { localFiles } from '../../../src/block/files/local-files.ts';
import { ReaderCache } from '../../../src/block/files/reader-cache.ts';
import { SegmentFile } from '../../../src/block/segments/segment-file.ts';
import { SLOT_SIZE_BYTES, slotOffset } from '../../../src/block/format/slot-format.ts';
import { SlotSet } from '../../../src/block/format/slot-set.ts';
import { LogRecorder } from '../disk-fixture.ts';

const SLOTS = 40;

/** Every slot full of its own number. */
function fullFile(): Buffer {
  const bytes = Buffer.alloc(slotOffset(SLOTS));
  for (let slot = 0; slot < SLOTS; slot++) bytes.fill(slot + 1, slotOffset(slot), slotOffset(slot + 1));
  return bytes;
}

function denseFile(slots: readonly number[]): Buffer {
  const set = new SlotSet(SLOTS);
  for (const slot of slots) set.add(slot);
  return Buffer.concat([
    Buffer.alloc(1_024),
    encodeDenseIndex(set),
    ...slots.map((slot) => Buffer.alloc(SLOT_SIZE_BYTES, slot + 1)),
  ]);
}

class Bench implements Disposable {
  readonly directory = mkdtempSync(path.join(tmpdir(), 'sealdisk-segment-'));
  readonly log = new LogRecorder();
  readonly cache = new ReaderCache(2);

  file(name: string, bytes: Uint8Array): SegmentFile {
    const at = path.join(this.directory, name);
    writeFileSync(at, bytes);
    return new SegmentFile(at, 7, { files: localFiles, cache: this.cache, log: this.log });
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function slotsFrom(file: SegmentFile, first: number, count: number): Promise<number[]> {
  const buffer = Buffer.alloc(count * SLOT_SIZE_BYTES, 255);
  await file.read(first, buffer);
  const cached = file.readCached(first, count);
  const values = Array.from({ length: count }, (_, i) => {
    const slot = buffer.subarray(i * SLOT_SIZE_BYTES, (i + 1) * SLOT_SIZE_BYTES);
    assert.ok(slot.every((byte) => byte === slot[0]));
    if (cached !== undefined) assert.ok(slot.equals(cached.subarray(i * SLOT_SIZE_BYTES, (i + 1) * SLOT_SIZE_BYTES)));
    return slot[0] ?? 0;
  });
  return values;
}

test('slots of a dense file are read at their numbers, and those that it lacks as zeroes', async () => {
  using bench = new Bench();
  const full = bench.file('full', fullFile());
  const slots = [0, 1, 2, 5, 9, 10, 31, 32, 33, 39];
  const dense = bench.file('dense', denseFile(slots));
  for (let first = 0; first < SLOTS; first++)
    for (const count of [1, 2, 3, 11, SLOTS - first]) {
      if (first + count > SLOTS) continue;
      const numbers = Array.from({ length: count }, (_, i) => first + i + 1);
      assert.deepEqual(await slotsFrom(full, first, count), numbers);
      assert.deepEqual(
        await slotsFrom(dense, first, count),
        numbers.map((number) => (slots.includes(number - 1) ? number : 0)),
      );
    }
  assert.equal((await full.contents()).stored, SLOTS);
  assert.equal((await dense.contents()).stored, slots.length);
});

test('a flipped bit in the index of a dense file costs a line in the log', async () => {
  using bench = new Bench();
  for (const at of [1_024 + 16, 4_096 + 16]) {
    const bytes = denseFile([3, 4]);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    bench.log.lines.length = 0;
    assert.deepEqual(await slotsFrom(bench.file(`flipped-${at}`, bytes), 2, 4), [0, 4, 5, 0]);
    assert.deepEqual(bench.log.errors(), ['a copy of the index of a dense segment failed verification']);
  }
});

test('a file that was cut short lacks its last slots', async () => {
  using bench = new Bench();
  const cut = bench.file('cut', denseFile([3, 4, 8]).subarray(0, -10));
  assert.deepEqual(await slotsFrom(cut, 3, 2), [4, 5]);
  const buffer = Buffer.alloc(SLOT_SIZE_BYTES, 255);
  await cut.read(8, buffer);
  assert.ok(buffer.subarray(-10).every((byte) => byte === 0));
});

test('a file that was replaced is opened anew, and who replaces it hears when the old one is read no more', async () => {
  using bench = new Bench();
  const file = bench.file('one', fullFile());
  assert.deepEqual(await slotsFrom(file, 4, 2), [5, 6]);
  const buffer = Buffer.alloc(SLOT_SIZE_BYTES);
  const reading = file.read(7, buffer);
  writeFileSync(path.join(bench.directory, 'new'), denseFile([5]));
  renameSync(path.join(bench.directory, 'new'), file.path);
  await file.forget();
  await reading;
  assert.equal(buffer[0], 8, 'who was reading has the old bytes');
  assert.deepEqual(await slotsFrom(file, 4, 2), [0, 6]);
});

test('no more files stay open than the cache allows, over all segments, and those in use stay', async () => {
  using bench = new Bench();
  const files = Array.from({ length: 6 }, (_, i) => bench.file(`${i}`, fullFile()));
  for (const file of files) await slotsFrom(file, 1, 1);
  assert.equal(bench.cache.size, 2);
  const [first] = files;
  assert.ok(first);
  for (let i = 0; i < 20; i++) {
    await slotsFrom(first, 1, 1);
    const other = files[1 + (i % 5)];
    if (other !== undefined) await slotsFrom(other, 1, 1);
    if (i > 2) assert.ok(first.readCached(1, 1) !== undefined, 'what is used all the time stays open');
  }
  await Promise.all(files.map((file) => slotsFrom(file, 2, 3)));
  assert.ok(bench.cache.size <= 6);
});
