/**
 * Clients that change, read, trim and keep the same few blocks at the same time, while calls to the storage fail; so that
 * whatever is done to a block, its write may be under way or may just have failed.
 */
import assert from 'node:assert/strict';

import { isKind } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/log.ts';
import { GiB } from '../../src/base/units.ts';
import { cloneDisk, createDisk, openDisk } from '../../src/block/disk.ts';
import type { DataKey, Disk, DiskIdentity, Environment } from '../../src/block/disk.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { NonceLedger } from '../block/nonce-ledger.ts';
import { Registers } from './registers.ts';
import { Seeded } from './seeded.ts';
import { SimFileSystem } from './sim-file-system.ts';
import type { SimOptions } from './sim-file-system.ts';
import { SimStorage } from './sim-storage.ts';
import { stillClock } from './still-clock.ts';

const DISK = '/disks/d-1';
const BLOCK_BYTES = 4096;
const BLOCKS = 3;
const DATA_KEY: DataKey = { suite: 'aes-256-gcm', key: new Uint8Array(32).fill(3) };
const IDENTITY: DiskIdentity = { diskId: 'd-1', sizeBytes: GiB, encrypted: true, wrappedKey: Uint8Array.of(1) };
const LIMITS = { segmentSlots: 9, chunkSlots: 3, syncEveryBytes: 6 * 4128, mapPages: 4, openSegments: 2 };

export interface Overlapped {
  operations: number;
  failures: number;
  snapshots: number;
}

/** Everything that `seed` stands for. */
export async function overlap(seed: number): Promise<Overlapped> {
  const world = new World(seed);
  try {
    return await world.live();
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

class World {
  readonly #storage = new SimStorage();
  readonly #random: Seeded;
  readonly #registers = new Registers();
  readonly #ledger = new NonceLedger(nodeCipherBackend());
  readonly #reached: Overlapped = { operations: 0, failures: 0, snapshots: 0 };
  /** When each snapshot was begun and answered. */
  readonly #snapshots = new Map<string, { readonly from: number; readonly to: number }>();
  #files: SimFileSystem;
  #stamp = 0;
  #flushedFrom = 0;

  constructor(seed: number) {
    this.#random = new Seeded(seed);
    this.#files = this.#start();
  }

  async live(): Promise<Overlapped> {
    await this.#files.makeDirectory('/disks');
    await this.#files.syncDirectory('');
    await createDisk(this.#env(), DISK, IDENTITY, DATA_KEY);
    this.#start({ syncFailure: this.#random.pick([0, 0.1, 0.3]), failCall: 30 + this.#random.below(150) });
    const disk = await this.#open().catch((error: unknown) => {
      this.#expectFailure(error);
      return undefined;
    });
    if (disk === undefined) return this.#reached;
    let left = 60;
    const client = async (): Promise<void> => {
      while (left-- > 0) await this.#operation(disk);
    };
    await Promise.all(Array.from({ length: 2 + this.#random.below(4) }, client));
    const byPower = this.#random.chance(0.5);
    await this.#crashAndCheck(byPower);
    return this.#reached;
  }

  async #operation(disk: Disk): Promise<void> {
    this.#reached.operations += 1;
    const block = this.#random.below(BLOCKS);
    const roll = this.#random.below(20);
    try {
      if (roll < 9) await this.#change(disk, block);
      else if (roll < 15) await this.#read(disk, block);
      else if (roll < 18) await this.#flush(disk);
      else if (roll < 19) await disk.checkpoint();
      else await this.#snapshot(disk);
    } catch (error) {
      this.#expectFailure(error);
    }
  }

  async #change(disk: Disk, block: number): Promise<void> {
    const offset = block * BLOCK_BYTES;
    const kind = this.#random.below(4);
    const value = kind < 2 ? ++this.#stamp : 0;
    const fua = this.#random.chance(0.2);
    const written = this.#registers.begin(block, value);
    if (kind < 2) await disk.write(offset, contentOf(value), { fua });
    else if (kind === 2) await disk.trim(offset, BLOCK_BYTES, { fua });
    else await disk.zero(offset, BLOCK_BYTES, { fua, noHole: true });
    this.#registers.end(written);
  }

  async #read(disk: Disk, block: number): Promise<void> {
    const from = this.#registers.now();
    const value = valueOf(await disk.read(block * BLOCK_BYTES, BLOCK_BYTES));
    this.#registers.check(block, value, from, 'read');
  }

  async #flush(disk: Disk): Promise<void> {
    const from = this.#registers.now();
    await disk.flush();
    this.#flushedFrom = Math.max(this.#flushedFrom, from);
  }

  async #snapshot(disk: Disk): Promise<void> {
    this.#reached.snapshots += 1;
    const id = `s-${this.#reached.snapshots}`;
    const from = this.#registers.now();
    await disk.snapshot(id);
    this.#snapshots.set(id, { from, to: this.#registers.now() });
    this.#flushedFrom = Math.max(this.#flushedFrom, from);
  }

  async #crashAndCheck(byPower: boolean): Promise<void> {
    const crashedAt = this.#registers.now();
    this.#files.kill();
    if (byPower) this.#storage.losePower(this.#random);
    this.#start();
    const disk = await this.#open();
    for (let block = 0; block < BLOCKS; block++) {
      const value = valueOf(await disk.read(block * BLOCK_BYTES, BLOCK_BYTES));
      this.#registers.check(block, value, byPower ? this.#flushedFrom : crashedAt, byPower ? 'power' : 'crash');
    }
    for (const [snapshotId, { from, to }] of this.#snapshots) await this.#checkSnapshot(snapshotId, from, to);
    await disk.close();
  }

  async #checkSnapshot(snapshotId: string, from: number, to: number): Promise<void> {
    const diskId = `d-${snapshotId}`;
    const directory = `/disks/${diskId}`;
    const source = { directory: DISK, snapshotId, dataKey: DATA_KEY, pin: undefined };
    await cloneDisk(this.#env(), source, { directory, identity: { ...IDENTITY, diskId }, dataKey: DATA_KEY });
    const options = { diskId, dataKey: DATA_KEY, pin: undefined, readOnly: true };
    const clone = await openDisk(this.#env(), directory, options);
    for (let block = 0; block < BLOCKS; block++)
      this.#registers.check(
        block,
        valueOf(await clone.read(block * BLOCK_BYTES, BLOCK_BYTES)),
        from,
        `snapshot ${snapshotId}`,
        to,
      );
    await clone.close();
  }

  #expectFailure(error: unknown): void {
    if (!isKind(error, 'unavailable')) throw error;
    this.#reached.failures += 1;
  }

  #start(options: SimOptions = {}): SimFileSystem {
    this.#files = new SimFileSystem(this.#storage, this.#random, options);
    return this.#files;
  }

  #open(): Promise<Disk> {
    return openDisk(this.#env(), DISK, { diskId: 'd-1', dataKey: DATA_KEY, pin: undefined, readOnly: false });
  }

  #env(): Environment {
    const [files, random, cipher] = [this.#files, this.#random, this.#ledger];
    return { files, clock: stillClock, random, cipher, log: silentLogger, machineId: 'sim', limits: LIMITS };
  }
}

function contentOf(value: number): Buffer {
  const content = Buffer.alloc(BLOCK_BYTES);
  for (let at = 0; at < BLOCK_BYTES; at += 8) content.writeUInt32LE(value, at);
  return content;
}

function valueOf(content: Uint8Array): number {
  const buffer = Buffer.from(content);
  const value = buffer.readUInt32LE(0);
  assert.ok(buffer.equals(contentOf(value)), 'a block is one write');
  return value;
}
