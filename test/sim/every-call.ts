/**
 * A short piece of work on a disk, done again and again from the same seed; each time the process dies at the next call
 * that it makes to its storage, with every kind of end: the process alone, or power, with all, nothing, a beginning, any
 * part, or torn sectors of what was not synced. Then the disk is opened, sometimes with a crash in the middle of that.
 */
import assert from 'node:assert/strict';

import { silentLogger } from '../../src/base/log.ts';
import { GiB } from '../../src/base/units.ts';
import { cloneDisk, createDisk, openDisk } from '../../src/block/disk.ts';
import type { DataKey, Disk, DiskIdentity, Environment } from '../../src/block/disk.ts';
import type { Limits } from '../../src/block/files/environment.ts';
import type { Pin } from '../../src/block/format/pin.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { NonceLedger } from '../block/nonce-ledger.ts';
import { Oracle } from './oracle.ts';
import { Seeded } from './seeded.ts';
import { Died, SimFileSystem } from './sim-file-system.ts';
import { SimStorage } from './sim-storage.ts';
import type { Fate } from './sim-storage.ts';
import { stillClock } from './still-clock.ts';

const DISK = '/disks/d-1';
const BLOCK_BYTES = 4096;
const LAST = GiB / BLOCK_BYTES - 1;
const BLOCKS = [0, 1, 2, 511, 512, LAST];
const LIMITS: Partial<Limits> = {
  segmentSlots: 8,
  chunkSlots: 3,
  syncEveryBytes: 6 * 4128,
  mapPages: 4,
  openSegments: 2,
};

export const ENDS = ['process', 'dropped', 'kept', 'prefix', 'mixed', 'torn'] as const;
export type End = (typeof ENDS)[number];

export interface EveryCall {
  /** Calls that the work makes when nothing dies. */
  calls: number;
  crashes: number;
  crashesInRecovery: number;
  snapshotsChecked: number;
}

/** Dies at every call of the work of `seed`, in each of `ends`. */
export async function crashAtEveryCall(seed: number, ends: readonly End[] = ENDS): Promise<EveryCall> {
  const reached: EveryCall = { calls: 0, crashes: 0, crashesInRecovery: 0, snapshotsChecked: 0 };
  for (const [i, end] of ends.entries())
    for (let call = 1, more = true; more; call++) {
      const world = new World(seed, reached);
      try {
        more = await world.run(call, end, (call + i) % 3 === 0);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        throw new Error(`seed ${seed}, call ${call}, ${end}: ${message}`, { cause: error });
      }
      if (!more) reached.calls = call - 1;
    }
  return reached;
}

class World {
  readonly #storage = new SimStorage();
  readonly #random: Seeded;
  /** What is done must not depend on what the storage does by chance. */
  readonly #script: Seeded;
  readonly #reached: EveryCall;
  readonly #oracle = new Oracle(BLOCKS);
  readonly #ledger = new NonceLedger(nodeCipherBackend());
  readonly #dataKey: DataKey;
  readonly #identity: DiskIdentity = { diskId: 'd-1', sizeBytes: GiB, encrypted: true, wrappedKey: Uint8Array.of(1) };
  #files: SimFileSystem;
  #pin: Pin | undefined;
  #stamp = 0;
  #nowMs = 1_700_000_000_000;

  constructor(seed: number, reached: EveryCall) {
    this.#random = new Seeded(seed);
    this.#script = new Seeded(seed + 0x5eed);
    this.#reached = reached;
    this.#dataKey = { suite: seed % 2 === 0 ? 'aes-256-gcm' : 'sm4-gcm', key: new Uint8Array(32).fill(5) };
    this.#files = new SimFileSystem(this.#storage, this.#random);
  }

  /** False when the work ended before its `call`-th call. */
  async run(call: number, end: End, twice: boolean): Promise<boolean> {
    await this.#files.makeDirectory('/disks');
    await this.#files.syncDirectory('');
    this.#pin = await createDisk(this.#env(), DISK, this.#identity, this.#dataKey);
    this.#files.dieAfter(this.#files.calls + call);
    try {
      await this.#files.orDeath(this.#work());
      return false;
    } catch (error) {
      if (!(error instanceof Died)) throw error;
    }
    this.#reached.crashes += 1;
    this.#end(end);
    let worst = end;
    if (twice) worst = await this.#crashWhileOpening(end);
    await this.#check(worst === 'process' ? 'process' : 'power');
    return true;
  }

  async #work(): Promise<void> {
    let disk = await this.#open();
    for (let left = 4 + this.#script.below(4); left > 0; left--) {
      const roll = this.#script.below(20);
      if (roll < 7) await this.#burst(disk);
      else if (roll < 11) await this.#write(disk, this.#script.pick(BLOCKS), this.#script.chance(0.4));
      else if (roll < 13) await this.#flush(disk);
      else if (roll < 15) await this.#checkpoint(disk);
      else if (roll < 18) await this.#snapshot(disk);
      else disk = await this.#reopen(disk);
    }
    await this.#close(disk);
  }

  /** Several things at the same time, no two of which change the same block. */
  async #burst(disk: Disk): Promise<void> {
    const first = this.#script.below(BLOCKS.length - 2);
    const work = BLOCKS.slice(first, first + 3).map((block) => this.#write(disk, block, false));
    if (this.#script.chance(0.5)) work.push(this.#flush(disk));
    if (this.#script.chance(0.3)) work.push(this.#snapshot(disk));
    if (this.#script.chance(0.3)) work.push(this.#checkpoint(disk));
    await Promise.all(work);
  }

  async #write(disk: Disk, block: number, fua: boolean): Promise<void> {
    const kind = this.#script.below(10);
    this.#stamp += 1;
    const content = Buffer.alloc(BLOCK_BYTES, kind < 7 ? this.#stamp : 0);
    const change = this.#oracle.begin(new Map([[block, content]]));
    const offset = block * BLOCK_BYTES;
    if (kind < 7) await disk.write(offset, content, { fua });
    else if (kind < 9) await disk.trim(offset, BLOCK_BYTES, { fua });
    else await disk.zero(offset, BLOCK_BYTES, { fua, noHole: true });
    this.#living();
    this.#oracle.acknowledge(change, fua);
    this.#oracle.checkRead(block, Buffer.from(await disk.read(offset, BLOCK_BYTES)));
  }

  async #flush(disk: Disk): Promise<void> {
    const done = this.#oracle.beginFlush();
    await disk.flush();
    this.#living();
    done();
  }

  async #checkpoint(disk: Disk): Promise<void> {
    const done = this.#oracle.beginFlush();
    const pin = await disk.checkpoint();
    this.#living();
    this.#notePin(pin);
    done();
  }

  async #snapshot(disk: Disk): Promise<void> {
    this.#stamp += 1;
    const id = `s-${this.#stamp}`;
    const [taken, flushed] = [this.#oracle.beginSnapshot(id), this.#oracle.beginFlush()];
    const pin = await disk.snapshot(id);
    this.#living();
    this.#notePin(pin);
    taken();
    flushed();
  }

  async #close(disk: Disk): Promise<void> {
    const done = this.#oracle.beginFlush();
    const pin = await disk.close();
    this.#living();
    this.#notePin(pin);
    done();
  }

  async #reopen(disk: Disk): Promise<Disk> {
    await this.#close(disk);
    const next = await this.#open();
    this.#living();
    return next;
  }

  async #open(): Promise<Disk> {
    const dataKey = this.#dataKey;
    const disk = await openDisk(this.#env(), DISK, { diskId: 'd-1', dataKey, pin: this.#pin, readOnly: false });
    disk.onPin = (pin) => this.#notePin(pin);
    this.#notePin(disk.pin);
    return disk;
  }

  #notePin(pin: Pin): void {
    if (!this.#files.dead && pin.sequence >= (this.#pin?.sequence ?? 0)) this.#pin = pin;
  }

  /** A second process dies somewhere in the recovery of the first one's disk, in another way. */
  async #crashWhileOpening(first: End): Promise<End> {
    const end = this.#random.pick(ENDS);
    this.#files.dieAfter(1 + this.#random.below(60));
    const opened = await this.#files.orDeath(this.#open().then((disk) => disk.flush())).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof Died)) throw error;
        return false;
      },
    );
    if (!opened) this.#reached.crashesInRecovery += 1;
    this.#end(end);
    return first === 'process' ? end : first;
  }

  #end(end: End): void {
    this.#files.kill();
    if (end !== 'process') this.#storage.losePower(this.#random, end satisfies Fate);
    this.#files = new SimFileSystem(this.#storage, this.#random);
  }

  async #check(kind: 'process' | 'power'): Promise<void> {
    const disk = await this.#open();
    this.#oracle.checkAfterCrash(kind, await readBlocks(disk));
    for (const snapshotId of this.#oracle.snapshotIds) await this.#checkSnapshot(snapshotId);
    await this.#write(disk, 1, false);
    await this.#close(disk);
    const again = await this.#open();
    assert.equal(again.recovered, false);
    for (const [block, content] of await readBlocks(again)) this.#oracle.checkRead(block, content);
    await again.close();
  }

  async #checkSnapshot(snapshotId: string): Promise<void> {
    const directory = `/disks/d-${snapshotId}`;
    const identity = { ...this.#identity, diskId: `d-${snapshotId}` };
    const source = { directory: DISK, snapshotId, dataKey: this.#dataKey, pin: undefined };
    const dataKey: DataKey = { suite: this.#dataKey.suite, key: new Uint8Array(32).fill(6) };
    const pin = await cloneDisk(this.#env(), source, { directory, identity, dataKey });
    const clone = await openDisk(this.#env(), directory, { diskId: identity.diskId, dataKey, pin, readOnly: true });
    this.#oracle.checkSnapshot(snapshotId, await readBlocks(clone));
    await clone.close();
    this.#reached.snapshotsChecked += 1;
  }

  #living(): void {
    this.#files.refuseIfDead();
  }

  #env(): Environment {
    const clock = {
      ...stillClock,
      // The machine's clock runs backwards: nothing may depend on it.
      nowMs: () => (this.#nowMs -= 1_000),
    };
    const cipher = this.#ledger;
    const random = this.#random;
    return { files: this.#files, clock, random, cipher, log: silentLogger, machineId: 'sim', limits: LIMITS };
  }
}

async function readBlocks(disk: Disk): Promise<Map<number, Buffer>> {
  const read = new Map<number, Buffer>();
  for (const block of BLOCKS) read.set(block, Buffer.from(await disk.read(block * BLOCK_BYTES, BLOCK_BYTES)));
  return read;
}
