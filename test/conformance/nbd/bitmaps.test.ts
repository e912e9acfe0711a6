// Bitmaps of an export of ours, read by clients of others.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { serveMemory } from '../../nbd/fixture.ts';
import { must, skipWithout } from './tools.ts';

const BITMAP = 'qemu:dirty-bitmap:since-s-1';

async function serveBitmap() {
  const served = await serveMemory({ sizeBytes: 2 ** 20 });
  served.disk.dirtyBlocks.set('since-s-1', new Set([0, 1, 100]));
  return served;
}

test('nbdinfo lists a bitmap and maps it', { skip: skipWithout('nbdinfo') }, async () => {
  await using served = await serveBitmap();
  const uri = `nbd+unix:///disk?socket=${served.socketPath}`;
  const { exports } = JSON.parse(await must('nbdinfo', ['--json', uri])) as { exports: { contexts: string[] }[] };
  assert.deepEqual(exports[0]?.contexts, ['base:allocation', BITMAP]);
  const map = JSON.parse(await must('nbdinfo', [`--map=${BITMAP}`, '--json', uri])) as {
    offset: number;
    length: number;
    type: number;
  }[];
  assert.deepEqual(
    map.map(({ offset, length, type }) => [offset, length, type]),
    [
      [0, 8192, 1],
      [8192, 98 * 4096, 0],
      [100 * 4096, 4096, 1],
      [101 * 4096, 2 ** 20 - 101 * 4096, 0],
    ],
  );
});

test('QEMU reads a bitmap in the place of the allocation', { skip: skipWithout('qemu-img') }, async () => {
  await using served = await serveBitmap();
  const image = `driver=nbd,server.type=unix,server.path=${served.socketPath},export=disk,x-dirty-bitmap=${BITMAP}`;
  const map = JSON.parse(await must('qemu-img', ['map', '--output=json', '--image-opts', image])) as {
    start: number;
    length: number;
    data: boolean;
  }[];
  // QEMU shows dirty ranges as such without data. Source: its docs/interop/bitmaps.rst.
  const dirty = map.filter(({ data }) => !data).map(({ start, length }) => [start, length]);
  assert.deepEqual(dirty, [
    [0, 8192],
    [100 * 4096, 4096],
  ]);
});
