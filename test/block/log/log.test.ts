import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Disk } from '../../../src/block/disk.ts';
import type { OpenFile } from '../../../src/block/files/file-system.ts';
import { localFiles } from '../../../src/block/files/local-files.ts';
import { SLOT_SIZE_BYTES } from '../../../src/block/format/slot-format.ts';
import { blockOf, DiskBench } from '../disk-fixture.ts';

const SYNC_EVERY_SLOTS = 16;
const WRITES = 400;

test('a sync starts by itself although there is always another write on its way', async () => {
  let disk: Disk | undefined;
  let begun = 0;
  const writes: Promise<void>[] = [];
  const syncedAt: number[] = [];
  const next = (): void => {
    if (disk === undefined || begun === WRITES) return;
    writes.push(disk.write(begun * 4096, blockOf(begun), { fua: false }));
    begun += 1;
  };
  const create = async (path: string): Promise<OpenFile> => {
    const file = await localFiles.create(path);
    return {
      read: (buffer, position) => file.read(buffer, position),
      write: (bytes, position) => {
        // While the system writes, the next client asks: the log never comes to rest.
        next();
        return file.write(bytes, position);
      },
      sizeBytes: () => file.sizeBytes(),
      close: () => file.close(),
      sync: () => {
        if (begun > 0) syncedAt.push(begun);
        return file.sync();
      },
    };
  };
  const limits = { syncEveryBytes: SYNC_EVERY_SLOTS * SLOT_SIZE_BYTES };
  using bench = new DiskBench('aes-256-gcm', { limits, files: { ...localFiles, create } });
  await bench.create();
  const opened = await bench.open();
  await opened.write(0, blockOf(0), { fua: true });
  disk = opened;
  while (begun < WRITES) {
    next();
    await writes.at(-1);
  }
  await Promise.all(writes);
  const [first = Infinity] = syncedAt;
  assert.ok(first <= 2 * SYNC_EVERY_SLOTS, `the first sync began after ${first} writes`);
  await opened.close();
});
