// A store that runs full: blocks are refused before the last byte, so that what brings space back always finds some.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isKind } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/log.ts';
import { GiB } from '../../src/base/units.ts';
import { createDisk, openDisk } from '../../src/block/disk.ts';
import type { DataKey, Disk, Environment } from '../../src/block/disk.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { Seeded } from './seeded.ts';
import { SimFileSystem } from './sim-file-system.ts';
import { SimStorage } from './sim-storage.ts';
import { stillClock } from './still-clock.ts';

const DIRECTORY = '/disks/d-1';
const DATA_KEY: DataKey = { suite: 'aes-256-gcm', key: new Uint8Array(32).fill(3) };
const LIMITS = { segmentSlots: 64, checkpointSlots: 4_000, checkpointChanges: 4_000 };
/** Of which a sixteenth is the reserve: 256 KiB. */
const TOTAL_BYTES = 16 * 2 ** 18;
const BLOCKS = 200;

async function fullStore(seed: number): Promise<{ storage: SimStorage; disk: Disk; stamps: Map<number, number> }> {
  const storage = new SimStorage();
  const random = new Seeded(seed);
  const files = new SimFileSystem(storage, random, { totalBytes: TOTAL_BYTES });
  const cipher = nodeCipherBackend();
  const env: Environment = {
    files,
    clock: stillClock,
    random,
    cipher,
    log: silentLogger,
    machineId: 'sim',
    limits: LIMITS,
  };
  await files.makeDirectory('/disks');
  await createDisk(
    env,
    DIRECTORY,
    { diskId: 'd-1', sizeBytes: GiB, encrypted: true, wrappedKey: Uint8Array.of(1) },
    DATA_KEY,
  );
  const disk = await openDisk(env, DIRECTORY, { diskId: 'd-1', dataKey: DATA_KEY, pin: undefined, readOnly: false });
  const stamps = new Map<number, number>();
  for (let block = 0; block < BLOCKS; block++) await put(disk, stamps, block, block + 1);
  for (let block = 0; block < BLOCKS; block += 2) await put(disk, stamps, block, block + 1_001);
  await disk.checkpoint();
  // Another disk took what was left, down to less than the reserve.
  storage.freeBytes = TOTAL_BYTES / 16 - 40_000;
  return { storage, disk, stamps };
}

async function put(disk: Disk, stamps: Map<number, number>, block: number, stamp: number): Promise<void> {
  await disk.write(block * 4096, Buffer.alloc(4096, stamp % 251), { fua: false });
  stamps.set(block, stamp);
}

async function assertHolds(disk: Disk, stamps: ReadonlyMap<number, number>): Promise<void> {
  for (const [block, stamp] of stamps)
    assert.ok(Buffer.alloc(4096, stamp % 251).equals(await disk.read(block * 4096, 4096)), `block ${block}`);
}

test('on a full store blocks are refused, and refusing them brings space back', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { disk, storage, stamps } = await fullStore(seed);
    const before = storage.freeBytes;
    let refused = 0;
    for (let attempt = 0; attempt < 10_000; attempt++) {
      try {
        await put(disk, stamps, (attempt * 7) % BLOCKS, 5_000 + attempt);
        if (refused > 0) break;
      } catch (error) {
        assert.ok(isKind(error, 'no-space'), String(error));
        refused += 1;
        assert.equal(await disk.flush(), undefined);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    assert.ok(refused > 0 && refused < 10_000, `refused ${refused} times`);
    assert.ok(storage.freeBytes > before, 'the collector freed something');
    await assertHolds(disk, stamps);
    await disk.close();
  }
});

test('trims are taken on a full store, and give their space back', async () => {
  const { disk, storage, stamps } = await fullStore(3);
  const before = storage.freeBytes;
  await disk.trim(0, (BLOCKS / 2) * 4096, { fua: true });
  for (let block = 0; block < BLOCKS / 2; block++) stamps.delete(block);
  await disk.collect();
  assert.ok(storage.freeBytes > before + 60 * 4_128, `${storage.freeBytes} bytes free, ${before} before`);
  await assertHolds(disk, stamps);
  await disk.close();
});

test('no disk is made in the reserve', async () => {
  const { disk, storage } = await fullStore(4);
  const files = new SimFileSystem(storage, new Seeded(1), { totalBytes: TOTAL_BYTES });
  const cipher = nodeCipherBackend();
  const env: Environment = {
    files,
    clock: stillClock,
    random: new Seeded(2),
    cipher,
    log: silentLogger,
    machineId: 'sim',
  };
  const identity = { diskId: 'd-2', sizeBytes: GiB, encrypted: true, wrappedKey: Uint8Array.of(1) };
  await assert.rejects(createDisk(env, '/disks/d-2', identity, DATA_KEY), { kind: 'no-space' });
  assert.deepEqual(await files.list('/disks'), ['d-1']);
  await disk.close();
});
