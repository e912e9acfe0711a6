/** Work on a store that becomes full at any point, which writes or syncs tell. */
import assert from 'node:assert/strict';

import { isKind } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/log.ts';
import { GiB } from '../../src/base/units.ts';
import { createDisk, openDisk } from '../../src/block/disk.ts';
import type { DataKey, Disk, DiskIdentity, Environment } from '../../src/block/disk.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { NonceLedger } from '../block/nonce-ledger.ts';
import { Seeded } from './seeded.ts';
import { SimFileSystem } from './sim-file-system.ts';
import { SimStorage } from './sim-storage.ts';
import { stillClock } from './still-clock.ts';

export const DIRECTORY = '/disks/d-1';
export const DATA_KEY: DataKey = { suite: 'aes-256-gcm', key: new Uint8Array(32).fill(3) };
export const IDENTITY: DiskIdentity = { diskId: 'd-1', sizeBytes: GiB, encrypted: true, wrappedKey: Uint8Array.of(1) };
const LIMITS = { segmentSlots: 10, checkpointSlots: 30, checkpointChanges: 20, syncEveryBytes: 6 * 4128, mapPages: 6 };
const BLOCKS = 16;

export class SmallStore {
  readonly storage = new SimStorage();
  readonly random: Seeded;
  readonly files: SimFileSystem;
  readonly env: Environment;

  constructor(seed: number, delayedAllocation: boolean) {
    this.random = new Seeded(seed);
    this.files = new SimFileSystem(this.storage, this.random, { delayedAllocation });
    this.env = this.#envOf(this.files);
  }

  async prepare(): Promise<void> {
    await this.files.makeDirectory('/disks');
    await this.files.syncDirectory('');
  }

  open(env = this.env): Promise<Disk> {
    return openDisk(env, DIRECTORY, { diskId: 'd-1', dataKey: DATA_KEY, pin: undefined, readOnly: false });
  }

  /** After power loss, with a new process. */
  reopen(): Promise<Disk> {
    this.files.kill();
    this.storage.losePower(this.random);
    return this.open(this.#envOf(new SimFileSystem(this.storage, this.random)));
  }

  #envOf(files: SimFileSystem): Environment {
    const cipher = new NonceLedger(nodeCipherBackend());
    return {
      files,
      clock: stillClock,
      random: this.random,
      cipher,
      log: silentLogger,
      machineId: 'sim',
      limits: LIMITS,
    };
  }
}

/** Which stamps a block may hold: the last one that was answered and those that failed after it. */
class Expectation {
  readonly #candidates = new Map<number, number[]>();
  refused = 0;

  async attempt(block: number, stamp: number, run: () => Promise<void>): Promise<boolean> {
    this.#candidates.set(block, [...this.candidates(block), stamp]);
    const done = await this.tolerate(run);
    if (done) this.#candidates.set(block, [stamp]);
    return done;
  }

  /** True when it succeeded, false when the store was full; any other failure is one of the engine. */
  async tolerate(run: () => Promise<unknown>): Promise<boolean> {
    try {
      await run();
      return true;
    } catch (error) {
      assert.ok(isKind(error, 'no-space'), `a full store is called so, not ${String(error)}`);
      this.refused += 1;
      return false;
    }
  }

  candidates(block: number): readonly number[] {
    return this.#candidates.get(block) ?? [0];
  }

  async check(disk: Disk, when: string): Promise<void> {
    for (let block = 0; block < BLOCKS; block++) {
      const content = Buffer.from(await disk.read(block * 4096, 4096));
      const stamp = content.readUInt32LE(0);
      assert.ok(
        this.candidates(block).includes(stamp) && content.readUInt32LE(4092) === stamp,
        `${when}: block ${block} holds ${stamp}, not one of ${this.candidates(block).join()}`,
      );
    }
  }
}

function stamped(stamp: number): Buffer {
  const block = Buffer.alloc(4096, stamp % 251);
  block.writeUInt32LE(stamp, 0);
  block.writeUInt32LE(stamp, 4092);
  return block;
}

/** Works until the store is full, goes on, gets space, closes or crashes. Answers how often the store was full. */
export async function fillUp(freeBytes: number, delayedAllocation: boolean, seed = freeBytes): Promise<number> {
  const store = new SmallStore(seed, delayedAllocation);
  await store.prepare();
  await createDisk(store.env, DIRECTORY, IDENTITY, DATA_KEY);
  const disk = await store.open();
  const expected = new Expectation();
  store.storage.freeBytes = freeBytes;
  let stamp = 0;
  for (let i = 0; i < 60; i++) {
    const block = store.random.below(BLOCKS);
    const next = ++stamp;
    await expected.attempt(block, next, () => disk.write(block * 4096, stamped(next), { fua: i % 5 === 0 }));
    if (i % 7 === 0) await expected.tolerate(() => disk.flush());
    if (i % 23 === 0) await expected.tolerate(() => disk.checkpoint());
    if (i === 40) await expected.tolerate(() => disk.snapshot('s-1'));
    if (i % 9 === 0) await expected.check(disk, 'while full');
  }
  await expected.tolerate(() => disk.close()).then((closed) => assert.ok(!closed || expected.refused >= 0));
  if (expected.refused === 0) return 0;

  store.storage.freeBytes = Infinity;
  const usable = await disk.read(0, 1).then(
    () => disk,
    () => store.open(),
  );
  await expected.check(usable, 'with space again');
  const last = ++stamp;
  assert.ok(await expected.attempt(0, last, () => usable.write(0, stamped(last), { fua: true })), 'writes heal');
  await usable.flush();
  const afterPowerLoss = await store.reopen();
  await expected.check(afterPowerLoss, 'after power loss');
  await afterPowerLoss.close();
  return expected.refused;
}
