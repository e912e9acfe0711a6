import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openSnapshotView } from '../../../src/block/disk.ts';
import type { Disk } from '../../../src/block/disk.ts';
import type { FileSystem, OpenFile } from '../../../src/block/files/file-system.ts';
import { localFiles } from '../../../src/block/files/local-files.ts';
import { blockOf, dataKeyOf, DiskBench } from '../disk-fixture.ts';

/** 1,000 are meant (docs/internals/snapshots.md); fewer show the same in seconds. */
const SNAPSHOTS = Number(process.env['SEALDISK_DEEP_SNAPSHOTS'] ?? 250);
const BLOCKS = 600;

/** Nothing here is about durability, and syncs would be most of the time. */
function withoutSyncs(files: FileSystem): FileSystem {
  const quiet = (file: OpenFile): OpenFile => ({
    read: (buffer, position) => file.read(buffer, position),
    readCached: (length, position) => file.readCached?.(length, position),
    write: (data, position) => file.write(data, position),
    sync: () => Promise.resolve(),
    sizeBytes: () => file.sizeBytes(),
    close: () => file.close(),
  });
  return {
    ...files,
    open: async (path, mode) => quiet(await files.open(path, mode)),
    create: async (path) => quiet(await files.create(path)),
    syncDirectory: () => Promise.resolve(),
  };
}

/** The least of several rounds: other work on the machine only adds. */
async function usPerRead(disk: Disk): Promise<number> {
  let least = Infinity;
  for (let round = 0; round < 10; round++) {
    const from = performance.now();
    for (let i = 0; i < 200; i++) await disk.read(((i * 37) % BLOCKS) * 4096, 4096);
    least = Math.min(least, ((performance.now() - from) * 1_000) / 200);
  }
  return least;
}

test(`${SNAPSHOTS} snapshots slow no read down, and the rest is whole when every other one is deleted`, async (t) => {
  // As many files are kept open as by a disk server.
  using bench = new DiskBench('aes-256-gcm', { files: withoutSyncs(localFiles), limits: { openSegments: 2_048 } });
  await bench.create();
  let disk = await bench.open();
  const now = Array.from({ length: BLOCKS }, (_, block) => block + 1);
  for (const [block, stamp] of now.entries()) await disk.write(block * 4096, blockOf(stamp), { fua: false });
  const before = await usPerRead(disk);

  const kept = new Map<string, number[]>();
  for (let i = 0; i < SNAPSHOTS; i++) {
    const block = (i * 7) % BLOCKS;
    now[block] = 10_000 + i;
    await disk.write(block * 4096, blockOf(10_000 + i), { fua: false });
    await disk.snapshot(`s-${i}`);
    kept.set(`s-${i}`, [...now]);
  }
  const after = await usPerRead(disk);
  t.diagnostic(`a read takes ${before.toFixed(1)} us without snapshots, ${after.toFixed(1)} us with ${SNAPSHOTS}`);
  // Generous, since machines are shared; a read that looked at snapshots would take hundreds of times as long.
  assert.ok(after < 5 * before + 50, `${after} us instead of ${before} us`);

  for (let i = 0; i < SNAPSHOTS; i += 2) {
    await disk.deleteSnapshot(`s-${i}`);
    kept.delete(`s-${i}`);
  }
  const pin = await disk.close();
  const from = performance.now();
  disk = await bench.open({ pin });
  t.diagnostic(`opened in ${(performance.now() - from).toFixed(0)} ms`);
  assert.deepEqual(disk.snapshotIds.toSorted(), [...kept.keys()].toSorted());
  for (const [snapshotId, expected] of [...kept].filter((_, i) => i % 10 === 0 || i === kept.size - 1)) {
    const view = await openSnapshotView(bench.env, {
      directory: bench.directory(),
      retiredDirectory: '/nowhere',
      diskId: 'd-1',
      snapshotId,
      dataKey: dataKeyOf(bench.suite),
      pin,
    });
    const read = Buffer.from(await view.read(0, BLOCKS * 4096));
    assert.ok(read.equals(Buffer.concat(expected.map((stamp) => blockOf(stamp)))), snapshotId);
    await view.close();
  }
  const usage = await disk.usage();
  for (const { snapshotId, exclusiveBytes } of usage.states)
    // Each kept one has two writes more than the one before it, of which the next one lacks none, until they come again.
    assert.ok(exclusiveBytes <= 2 * 4096, `${snapshotId} has ${exclusiveBytes} bytes of its own`);
  const read = Buffer.from(await disk.read(0, BLOCKS * 4096));
  assert.ok(read.equals(Buffer.concat(now.map((stamp) => blockOf(stamp)))));
  await disk.close();
});
