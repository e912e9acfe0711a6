import assert from 'node:assert/strict';
import { test } from 'node:test';

import { silentLogger } from '../../src/base/log.ts';
import { GiB } from '../../src/base/units.ts';
import { createDisk, openDisk } from '../../src/block/disk.ts';
import type { DataKey, DiskIdentity, Environment } from '../../src/block/disk.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { Seeded } from './seeded.ts';
import { SimFileSystem } from './sim-file-system.ts';
import { SimStorage } from './sim-storage.ts';
import { stillClock } from './still-clock.ts';

const DISK = '/disks/d-1';
const DATA_KEY: DataKey = { suite: 'aes-256-gcm', key: new Uint8Array(32).fill(3) };
const IDENTITY: DiskIdentity = { diskId: 'd-1', sizeBytes: GiB, encrypted: true, wrappedKey: Uint8Array.of(1) };
const LIMITS = { segmentSlots: 6, rewriteBelow: 1, mapPages: 4, checkpointSlots: 30 };
const BLOCKS = 40;

/** One collection waits for another while checkpoints go on, so that it begins at any moment of one. */
async function collectBesideCheckpoints(seed: number): Promise<void> {
  const random = new Seeded(seed);
  const files = new SimFileSystem(new SimStorage(), random);
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
  await createDisk(env, DISK, IDENTITY, DATA_KEY);
  const disk = await openDisk(env, DISK, { diskId: 'd-1', dataKey: DATA_KEY, pin: undefined, readOnly: false });
  const stamps = new Map<number, number>();
  const write = async (block: number, stamp: number): Promise<void> => {
    stamps.set(block, stamp);
    await disk.write(block * 4096, Buffer.alloc(4096, stamp), { fua: false });
  };
  for (let block = 0; block < BLOCKS; block++) await write(block, 1 + block);
  const collections = [disk.collect(), disk.collect(), disk.collect()];
  let isOver = false;
  void Promise.allSettled(collections).then(() => (isOver = true));
  for (let round = 1; !isOver; round++) {
    for (let i = 0; i < 6; i++) await write(random.below(BLOCKS), (round * 7 + i) % 256);
    await disk.checkpoint();
  }
  await Promise.all(collections);
  for (const [block, stamp] of stamps)
    assert.ok(
      Buffer.from(await disk.read(block * 4096, 4096)).equals(Buffer.alloc(4096, stamp)),
      `seed ${seed}: block ${block}`,
    );
  await disk.close();
}

test('a collection that begins at any moment of a checkpoint takes no slot in use for dead', async () => {
  for (let seed = 1; seed <= 40; seed++) await collectBesideCheckpoints(seed);
});
