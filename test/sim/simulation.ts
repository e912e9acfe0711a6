/**
 * One seed is one world: a machine with storage, a disk on it, clients that use it, and crashes of two kinds, also one
 * after the other. `runSeed` throws when a promise of the engine does not hold, with the seed in the message.
 */
import assert from 'node:assert/strict';

import { silentLogger } from '../../src/base/log.ts';
import { GiB } from '../../src/base/units.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import {
  cloneDisk,
  createDisk,
  deleteDisk,
  deleteSnapshot,
  openDisk,
  openSnapshotView,
  removeLeftoverDirectories,
} from '../../src/block/disk.ts';
import type { DataKey, Disk, DiskIdentity, Environment } from '../../src/block/disk.ts';
import type { Limits } from '../../src/block/files/environment.ts';
import type { Pin } from '../../src/block/format/pin.ts';
import { NonceLedger } from '../block/nonce-ledger.ts';
import { Oracle } from './oracle.ts';
import { Seeded } from './seeded.ts';
import { Died, SimFileSystem } from './sim-file-system.ts';
import type { SimOptions } from './sim-file-system.ts';
import { SimStorage } from './sim-storage.ts';
import { stillClock } from './still-clock.ts';

const BLOCK_BYTES = 4096;
const LIVING = '/data/disks';
const RETIRED = '/data/retired';
const DISK_ID = 'd-sim';

/** Everything small, so that a few hundred operations roll segments, checkpoint and evict. */
const LIMITS: Limits = {
  segmentSlots: 12,
  syncEveryBytes: 8 * 4128,
  chunkSlots: 3,
  unsyncedBytesMax: 24 * 4128,
  checkpointSlots: 60,
  checkpointChanges: 40,
  mapPages: 6,
  rewriteBelow: 0.7,
  spaceMax: 1.4,
  openSegments: 3,
};

/** What a run came across: a simulation that meets nothing proves nothing. */
export interface Reached {
  processCrashes: number;
  powerLosses: number;
  crashesInRecovery: number;
  recoveries: number;
  closes: number;
  abandons: number;
  failedCloses: number;
  failuresTold: number;
  checkpoints: number;
  snapshots: number;
  collections: number;
  rewritten: number;
  dead: number;
  clones: number;
  views: number;
  comparisons: number;
  growths: number;
  flushes: number;
  writes: number;
  cachedReads: number;
  failedSyncs: number;
  tornSectors: number;
  droppedSectors: number;
  seals: number;
  rotations: number;
  reencryptions: number;
}

export function nothingReached(): Reached {
  return {
    processCrashes: 0,
    powerLosses: 0,
    crashesInRecovery: 0,
    recoveries: 0,
    closes: 0,
    abandons: 0,
    failedCloses: 0,
    failuresTold: 0,
    checkpoints: 0,
    snapshots: 0,
    collections: 0,
    rewritten: 0,
    dead: 0,
    clones: 0,
    views: 0,
    comparisons: 0,
    growths: 0,
    flushes: 0,
    writes: 0,
    cachedReads: 0,
    failedSyncs: 0,
    tornSectors: 0,
    droppedSectors: 0,
    seals: 0,
    rotations: 0,
    reencryptions: 0,
  };
}

export interface SeedOptions {
  readonly skipSync?: (site: string) => boolean;
}

export async function runSeed(seed: number, options: SeedOptions = {}): Promise<{ reached: Reached; trace: string }> {
  const world = new World(seed, options);
  try {
    await world.live();
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  return { reached: world.reached, trace: world.trace };
}

class World {
  readonly reached = nothingReached();
  trace = '';
  readonly #random: Seeded;
  readonly #options: SeedOptions;
  readonly #storage = new SimStorage();
  readonly #ledger = new NonceLedger(nodeCipherBackend());
  #dataKey: DataKey;
  /** Another one that may be the disk's: its rotation was not answered. */
  #otherDataKey: DataKey | undefined;
  #rotations = 0;
  /** Who opens the disk's files by its data key beside the disk. */
  #keyUsers = 0;
  readonly #identity: DiskIdentity = {
    diskId: DISK_ID,
    sizeBytes: GiB,
    encrypted: true,
    wrappedKey: Uint8Array.of(9, 9),
  };
  readonly #oracle: Oracle;
  #files: SimFileSystem;
  #pin: Pin | undefined;
  #stamp = 0;
  #snapshotCount = 0;
  /** Being read or deleted by a client. */
  readonly #busySnapshots = new Set<string>();
  readonly #deletedSnapshots = new Set<string>();
  /** A clone that was answered and left alone since. */
  #keptClone:
    { readonly diskId: string; readonly dataKey: DataKey; readonly pin: Pin; readonly snapshotId: string } | undefined;
  /** What the disk surely has, what it may have at most, and durable blocks in what was added. */
  readonly #size = { sure: GiB, most: GiB, added: new Map<number, Buffer>() };
  readonly #failSyncs: boolean;
  readonly #clients: number;
  /** The worst crash since the disk was last seen whole. */
  #crash: 'process' | 'power' | undefined;

  constructor(seed: number, options: SeedOptions) {
    this.#random = new Seeded(seed);
    this.#options = options;
    this.#dataKey = { suite: this.#random.pick(['aes-256-gcm', 'sm4-gcm']), key: new Uint8Array(32).fill(seed % 251) };
    const last = GiB / BLOCK_BYTES - 1;
    const far = [700, 513, 512, 511, last - 1, last, 262_000, 262_001];
    this.#oracle = new Oracle([...Array.from({ length: 14 }, (_, i) => i), ...far].sort((a, b) => a - b));
    this.#failSyncs = this.#random.chance(0.3);
    this.#clients = 1 + this.#random.below(4);
    this.#files = this.#newProcess();
  }

  async live(): Promise<void> {
    await this.#make();
    const lives = 2 + this.#random.below(4);
    for (let life = 0; life < lives; life++) await this.#liveOnce(this.#dieAfter());
    await this.#liveOnce(undefined);
    await this.#checkEverySnapshot();
    this.reached.seals = this.#ledger.size;
    this.reached.tornSectors = this.#storage.tornSectors;
    this.reached.droppedSectors = this.#storage.droppedSectors;
  }

  /** Mostly in the middle of work, often within the open or the recovery. */
  #dieAfter(): number | undefined {
    if (this.#random.chance(0.15)) return undefined;
    return this.#random.chance(0.35) ? 1 + this.#random.below(90) : 1 + this.#random.below(700);
  }

  async #make(): Promise<void> {
    const files = this.#files;
    await files.makeDirectory('/data');
    for (const directory of [LIVING, RETIRED]) await files.makeDirectory(directory);
    for (const directory of ['', '/data']) await files.syncDirectory(directory);
    this.#pin = await createDisk(this.#env(), `${LIVING}/${DISK_ID}`, this.#identity, this.#dataKey);
    this.#maybeLosePower();
  }

  /** From one start of the process to its end, whichever way it ends. */
  async #liveOnce(dieAfterCalls: number | undefined): Promise<void> {
    const files = this.#newProcess({
      ...(dieAfterCalls === undefined ? {} : { dieAfterCalls }),
      syncFailure: this.#failSyncs ? 0.05 : 0,
    });
    this.#files = files;
    let opened = false;
    this.#busySnapshots.clear();
    try {
      const disk = await this.#files.orDeath(this.#openAndCheck());
      opened = true;
      await this.#files.orDeath(this.#useDisk(disk));
    } catch (error) {
      if (!(error instanceof Died)) {
        if (this.#failSyncs && files.failedSyncs > 0 && isIoFailure(error)) this.#endBadly(files, opened);
        else throw error;
      } else {
        this.#endBadly(files, opened);
      }
    } finally {
      this.trace += files.traceDigest();
      this.reached.failedSyncs += files.failedSyncs;
    }
  }

  #newProcess(options: SimOptions = {}): SimFileSystem {
    return new SimFileSystem(this.#storage, this.#random, { ...options, skipSync: this.#options.skipSync });
  }

  /** Between two things that are both done: what was answered must be there afterwards. */
  #maybeLosePower(): void {
    if (!this.#random.chance(0.5)) return;
    this.#files.kill();
    this.#storage.losePower(this.#random);
    this.#files = this.#newProcess();
  }

  #endBadly(files: SimFileSystem, opened: boolean): void {
    files.kill();
    if (!opened) this.reached.crashesInRecovery += 1;
    if (this.#random.chance(0.5)) {
      this.reached.powerLosses += 1;
      this.#storage.losePower(this.#random);
      this.#crash = 'power';
    } else {
      this.reached.processCrashes += 1;
      this.#crash ??= 'process';
    }
  }

  async #openAndCheck(): Promise<Disk> {
    await this.#checkKeptClone();
    for (const snapshotId of this.#deletedSnapshots)
      assert.equal(
        await this.#files.stat(`${LIVING}/${DISK_ID}/roots/${snapshotId}`),
        undefined,
        `snapshot ${snapshotId} was deleted`,
      );
    this.#refuseIfDead();
    const disk = await openDisk(this.#env(), `${LIVING}/${DISK_ID}`, {
      diskId: DISK_ID,
      dataKey: this.#dataKey,
      otherDataKeys: this.#otherDataKey === undefined ? [] : [this.#otherDataKey],
      pin: this.#pin,
      readOnly: false,
    });
    this.#settleDataKey(disk);
    if (disk.recovered) this.reached.recoveries += 1;
    const { sure, most, added } = this.#size;
    assert.ok(disk.sizeBytes >= sure && disk.sizeBytes <= most, `${disk.sizeBytes} bytes are ${sure} to ${most}`);
    this.#size.sure = disk.sizeBytes;
    for (const [block, content] of added) {
      const found = Buffer.from(await disk.read(block * BLOCK_BYTES, BLOCK_BYTES));
      this.#refuseIfDead();
      assert.ok(found.equals(content), `block ${block}, behind the old end, was flushed`);
    }
    const read = await readBlocks(disk, this.#oracle.blocks);
    this.#refuseIfDead();
    // A disk that was closed has lost nothing: that is the same promise as after a process crash with nothing running.
    this.#oracle.checkAfterCrash(this.#crash ?? 'process', read);
    this.#crash = undefined;
    disk.onPin = (pin) => this.#notePin(pin);
    this.#notePin(disk.pin);
    return disk;
  }

  #notePin(pin: Pin): void {
    if (!this.#files.dead) this.#pin = pin;
  }

  async #useDisk(disk: Disk): Promise<void> {
    const busy = new Set<number>();
    const operations = 5 + this.#random.below(120);
    let left = operations;
    const client = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await this.#tolerateIoFailure(() => this.#operation(disk, busy));
        this.#refuseIfDead();
      }
    };
    await Promise.all(Array.from({ length: this.#clients }, client));
    if (this.#random.chance(0.3)) {
      // Left without a close, as a crash between two operations would leave it.
      throw new Died();
    }
    if (this.#random.chance(0.2)) {
      await this.#abandonAtWork(disk);
      return;
    }
    const pin = await this.#tolerateIoFailure(() => disk.close());
    this.#refuseIfDead();
    if (pin === undefined) {
      // It stays open and usable, whatever of the close reached the storage.
      this.reached.failedCloses += 1;
      left = 12;
      await client();
      throw new Died();
    }
    this.#notePin(pin);
    this.reached.closes += 1;
    this.#crash = undefined;
    this.#oracle.beginFlush()();
  }

  /** Dropped with writes, a flush and a checkpoint under way; the process lives on and opens the disk again. */
  async #abandonAtWork(disk: Disk): Promise<void> {
    const work: Promise<unknown>[] = [disk.checkpoint()];
    for (const block of this.#oracle.blocks.slice(0, this.#random.below(20))) {
      const content = this.#fresh();
      this.#oracle.begin(new Map([[block, content]]));
      work.push(disk.write(block * BLOCK_BYTES, content, { fua: this.#random.chance(0.3) }));
    }
    work.push(disk.flush());
    for (const each of work) each.catch(() => undefined);
    for (let turn = this.#random.below(30); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
    await disk.abandon();
    this.#refuseIfDead();
    this.reached.abandons += 1;
    this.#crash = 'process';
  }

  /** Undefined when a sync failed and the engine said so; the disk goes on. */
  async #tolerateIoFailure<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(this.#files.failedSyncs > 0 && isIoFailure(error))) throw error;
      this.reached.failuresTold += 1;
      return undefined;
    }
  }

  async #operation(disk: Disk, busy: Set<number>): Promise<void> {
    const roll = this.#random.below(100);
    if (roll < 45) await this.#withBlocks(busy, (blocks) => this.#write(disk, blocks));
    else if (roll < 55) await this.#withBlocks(busy, (blocks) => this.#writePart(disk, blocks[0] ?? 0));
    else if (roll < 63) await this.#withBlocks(busy, (blocks) => this.#clear(disk, blocks));
    else if (roll < 80) await this.#withBlocks(busy, (blocks) => this.#read(disk, blocks));
    else if (roll < 93) await this.#flush(disk);
    else if (roll < 94) await this.#rotate(disk);
    else if (roll < 95) await this.#checkpoint(disk);
    else if (roll < 96) await this.#collect(disk);
    else if (roll < 98) await this.#snapshot(disk);
    else if (this.#random.chance(0.25)) await this.#grow(disk);
    else if (!this.#isRotating) await this.#withKey(() => this.#useSnapshot(disk, busy));
  }

  /** Runs with a few neighbouring blocks that nobody else uses meanwhile. */
  async #withBlocks(busy: Set<number>, use: (blocks: readonly number[]) => Promise<void>): Promise<void> {
    const all = this.#oracle.blocks;
    const at = this.#random.below(all.length);
    const first = all[at] ?? 0;
    const blocks = [first];
    const wanted = this.#random.below(4);
    for (let i = 1; i <= wanted && all[at + i] === first + i; i++) blocks.push(first + i);
    if (blocks.some((block) => busy.has(block))) return;
    for (const block of blocks) busy.add(block);
    try {
      await use(blocks);
    } finally {
      for (const block of blocks) busy.delete(block);
    }
  }

  async #write(disk: Disk, blocks: readonly number[]): Promise<void> {
    const contents = new Map(blocks.map((block) => [block, this.#fresh()]));
    const fua = this.#random.chance(0.15);
    await this.#change(disk, contents, fua, () =>
      disk.write((blocks[0] ?? 0) * BLOCK_BYTES, Buffer.concat([...contents.values()]), { fua }),
    );
    this.reached.writes += 1;
  }

  async #writePart(disk: Disk, block: number): Promise<void> {
    const at = this.#random.below(BLOCK_BYTES);
    const data = this.#fresh().subarray(0, 1 + this.#random.below(BLOCK_BYTES - at));
    const content = Buffer.from(this.#oracle.latest(block));
    data.copy(content, at);
    await this.#change(disk, new Map([[block, content]]), false, () =>
      disk.write(block * BLOCK_BYTES + at, data, { fua: false }),
    );
  }

  async #clear(disk: Disk, blocks: readonly number[]): Promise<void> {
    const contents = new Map(blocks.map((block) => [block, Buffer.alloc(BLOCK_BYTES)]));
    const offset = (blocks[0] ?? 0) * BLOCK_BYTES;
    const length = blocks.length * BLOCK_BYTES;
    const fua = this.#random.chance(0.15);
    if (this.#random.chance(0.5)) await this.#change(disk, contents, fua, () => disk.trim(offset, length, { fua }));
    else {
      const noHole = this.#random.chance(0.5);
      await this.#change(disk, contents, fua, () => disk.zero(offset, length, { fua, noHole }));
    }
  }

  async #change(
    disk: Disk,
    contents: ReadonlyMap<number, Buffer>,
    fua: boolean,
    run: () => Promise<void>,
  ): Promise<void> {
    const change = this.#oracle.begin(contents);
    try {
      await run();
    } catch (error) {
      this.#refuseIfDead();
      // What failed may have happened in part; reads go on and tell.
      this.#oracle.settle(change, await readBlocks(disk, [...contents.keys()]));
      this.#refuseIfDead();
      throw error;
    }
    this.#refuseIfDead();
    this.#oracle.acknowledge(change, fua);
  }

  async #read(disk: Disk, blocks: readonly number[]): Promise<void> {
    const offset = (blocks[0] ?? 0) * BLOCK_BYTES;
    let read = Buffer.alloc(blocks.length * BLOCK_BYTES);
    if (disk.readCached(offset, read)) this.reached.cachedReads += 1;
    else read = Buffer.from(await disk.read(offset, read.length));
    this.#refuseIfDead();
    for (const [i, block] of blocks.entries())
      this.#oracle.checkRead(block, read.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES));
  }

  get #isRotating(): boolean {
    return this.#otherDataKey !== undefined;
  }

  async #withKey(use: () => Promise<void>): Promise<void> {
    this.#keyUsers += 1;
    try {
      await use();
    } finally {
      this.#keyUsers -= 1;
    }
  }

  /** Another data key, often of another suite, while everything goes on. */
  async #rotate(disk: Disk): Promise<void> {
    if (this.#isRotating || this.#keyUsers > 0) return;
    this.#rotations += 1;
    const dataKey: DataKey = {
      suite: this.#random.pick(['aes-256-gcm', 'sm4-gcm']),
      key: new Uint8Array(32).fill(this.#rotations).fill(3, 16),
    };
    this.#otherDataKey = dataKey;
    const wrappedKey = Uint8Array.of(...dataKey.key.subarray(0, 20));
    try {
      this.#notePin(await disk.rotate({ dataKey, wrappedKey, encrypted: true, bytesPerSecond: 0 }));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'REENCRYPTION_RUNNING') {
        this.#otherDataKey = undefined;
        return;
      }
      throw error;
    }
    this.#refuseIfDead();
    this.#dataKey = dataKey;
    this.#otherDataKey = undefined;
    this.reached.rotations += 1;
    if (!this.#random.chance(0.3)) return;
    await disk.reencrypted();
    this.#refuseIfDead();
    if (disk.reencryption === undefined) this.reached.reencryptions += 1;
  }

  /** The head that was opened says which of two data keys it is. */
  #settleDataKey(disk: Disk): void {
    const other = this.#otherDataKey;
    if (other === undefined) return;
    if (Buffer.from(disk.keyState.wrappedKey).equals(other.key.subarray(0, 20))) this.#dataKey = other;
    this.#otherDataKey = undefined;
  }

  async #flush(disk: Disk): Promise<void> {
    const done = this.#oracle.beginFlush();
    await disk.flush();
    this.#refuseIfDead();
    done();
    // As the disk server tells the owner every two seconds.
    if (this.#random.chance(0.3)) this.#notePin(disk.pin);
    this.reached.flushes += 1;
  }

  async #checkpoint(disk: Disk): Promise<void> {
    const done = this.#oracle.beginFlush();
    const pin = await disk.checkpoint();
    this.#refuseIfDead();
    this.#notePin(pin);
    done();
    this.reached.checkpoints += 1;
  }

  async #collect(disk: Disk): Promise<void> {
    const collection = await disk.collect();
    this.#refuseIfDead();
    this.reached.collections += 1;
    this.reached.checkpoints += 1;
    this.reached.rewritten += collection.rewritten;
    this.reached.dead += collection.dead;
  }

  async #snapshot(disk: Disk): Promise<void> {
    this.#snapshotCount += 1;
    const snapshotId = `s-${this.#snapshotCount}`;
    const done = this.#oracle.beginSnapshot(snapshotId);
    const flushed = this.#oracle.beginFlush();
    const pin = await disk.snapshot(snapshotId);
    this.#refuseIfDead();
    this.#notePin(pin);
    done();
    flushed();
    this.reached.snapshots += 1;
  }

  async #grow(disk: Disk): Promise<void> {
    const sizeBytes = this.#size.most + BLOCK_BYTES * (1 + this.#random.below(600));
    this.#size.most = sizeBytes;
    this.#notePin(await disk.grow(sizeBytes));
    this.#refuseIfDead();
    this.#size.sure = Math.max(this.#size.sure, sizeBytes);
    const block = sizeBytes / BLOCK_BYTES - 1;
    const before = Buffer.from(await disk.read(block * BLOCK_BYTES, BLOCK_BYTES));
    this.#refuseIfDead();
    assert.ok(before.equals(Buffer.alloc(BLOCK_BYTES)), 'what is new reads as zeroes');
    const content = this.#fresh();
    await disk.write(block * BLOCK_BYTES, content, { fua: true });
    this.#refuseIfDead();
    this.#size.added.set(block, content);
    this.reached.growths += 1;
  }

  async #useSnapshot(disk: Disk, busy: Set<number>): Promise<void> {
    const ids = this.#oracle.snapshotIds.filter((id) => !this.#busySnapshots.has(id));
    if (ids.length === 0) return;
    const snapshotId = this.#random.pick(ids);
    this.#busySnapshots.add(snapshotId);
    try {
      if (this.#random.chance(0.3)) {
        this.#oracle.forgetSnapshot(snapshotId);
        await disk.deleteSnapshot(snapshotId);
        this.#refuseIfDead();
        this.#deletedSnapshots.add(snapshotId);
      } else if (this.#random.chance(0.5)) await this.#checkSnapshot(LIVING, snapshotId);
      else await this.#viewSnapshot(disk, snapshotId, busy);
    } finally {
      this.#busySnapshots.delete(snapshotId);
    }
  }

  /** A snapshot is read beside the disk, and the disk compared with it. */
  async #viewSnapshot(disk: Disk, snapshotId: string, busy: Set<number>): Promise<void> {
    const view = await openSnapshotView(this.#env(), {
      directory: `${LIVING}/${DISK_ID}`,
      retiredDirectory: `${RETIRED}/${DISK_ID}`,
      diskId: DISK_ID,
      snapshotId,
      dataKey: this.#dataKey,
      pin: undefined,
    });
    try {
      const then = await readBlocks(view, this.#oracle.blocks);
      this.#refuseIfDead();
      this.#oracle.checkSnapshot(snapshotId, then);
      this.reached.views += 1;
      for (let i = 0; i < 4; i++)
        await this.#withBlocks(busy, async (blocks) => {
          for (const block of blocks) await this.#compare(disk, snapshotId, block, then);
        });
    } finally {
      await view.close();
    }
  }

  /** Nobody changes the block meanwhile. */
  async #compare(disk: Disk, snapshotId: string, block: number, then: ReadonlyMap<number, Buffer>): Promise<void> {
    const now = Buffer.from(await disk.read(block * BLOCK_BYTES, BLOCK_BYTES));
    const [extent] = await disk.changedSince(snapshotId, block * BLOCK_BYTES, BLOCK_BYTES);
    this.#refuseIfDead();
    const dirty = extent?.dirty === true;
    if (then.get(block)?.equals(now) !== true) assert.ok(dirty, `block ${block} changed since ${snapshotId}`);
    if (this.#oracle.isUntouchedSince(snapshotId, block)) assert.ok(!dirty, `block ${block} is as in ${snapshotId}`);
    this.reached.comparisons += 1;
  }

  /** A snapshot is read by making a disk from it, which is deleted again. */
  async #checkSnapshot(parent: string, snapshotId: string): Promise<void> {
    this.#snapshotCount += 1;
    const diskId = `d-clone-${this.#snapshotCount}`;
    const directory = `${LIVING}/${diskId}`;
    const dataKey: DataKey = { suite: this.#dataKey.suite, key: new Uint8Array(32).fill(255) };
    const identity = { ...this.#identity, diskId, sizeBytes: this.#size.most };
    const source = { directory: `${parent}/${DISK_ID}`, snapshotId, dataKey: this.#dataKey, pin: undefined };
    const pin = await cloneDisk(this.#env(), source, { directory, identity, dataKey });
    this.#refuseIfDead();
    if (this.#keptClone === undefined && parent === LIVING && this.#random.chance(0.3)) {
      this.#keptClone = { diskId, dataKey, pin, snapshotId };
      return;
    }
    const clone = await openDisk(this.#env(), directory, { diskId, dataKey, pin, readOnly: false });
    const read = await readBlocks(clone, this.#oracle.blocks);
    this.#refuseIfDead();
    this.#oracle.checkSnapshot(snapshotId, read);
    const [block = 0] = this.#oracle.blocks;
    await clone.write(block * BLOCK_BYTES, this.#fresh(), { fua: false });
    await clone.close();
    await deleteDisk(this.#env(), directory, `${RETIRED}/${diskId}`, { keep: [], drop: [] });
    this.reached.clones += 1;
  }

  async #checkKeptClone(): Promise<void> {
    if (this.#keptClone === undefined) return;
    const { diskId, dataKey, pin, snapshotId } = this.#keptClone;
    const directory = `${LIVING}/${diskId}`;
    const clone = await openDisk(this.#env(), directory, { diskId, dataKey, pin, readOnly: true });
    const read = await readBlocks(clone, this.#oracle.blocks);
    this.#refuseIfDead();
    this.#oracle.checkClone(snapshotId, read);
    await clone.close();
  }

  /** At the end, with the disk itself deleted. */
  async #checkEverySnapshot(): Promise<void> {
    this.#files = this.#newProcess();
    if (this.#isRotating) await (await this.#openAndCheck()).close();
    await this.#checkKeptClone();
    const ids = this.#oracle.snapshotIds;
    const retired = `${RETIRED}/${DISK_ID}`;
    const there = await this.#files.list(`${LIVING}/${DISK_ID}/roots`);
    // Snapshots of which nobody was told.
    const drop = there.filter((name) => !ids.includes(name));
    await deleteDisk(this.#env(), `${LIVING}/${DISK_ID}`, retired, { keep: ids, drop });
    this.#maybeLosePower();
    assert.equal(await this.#files.stat(`${LIVING}/${DISK_ID}`), undefined, 'a deleted disk stays deleted');
    if (ids.length > 0) assert.deepEqual((await this.#files.list(`${retired}/roots`)).sort(), ids.toSorted());
    for (const snapshotId of ids) {
      await this.#checkSnapshot(RETIRED, snapshotId);
      await deleteSnapshot(this.#env(), retired, snapshotId);
      this.#maybeLosePower();
      assert.equal(await this.#files.stat(`${retired}/roots/${snapshotId}`), undefined, 'a deleted snapshot stays so');
    }
    await this.#checkKeptClone();
    await removeLeftoverDirectories(this.#env(), RETIRED);
    assert.deepEqual(await this.#files.list(RETIRED), [], 'nothing is left of a deleted disk');
  }

  #fresh(): Buffer {
    this.#stamp += 1;
    const block = Buffer.alloc(BLOCK_BYTES, this.#stamp % 251);
    block.writeUInt32LE(this.#stamp, 0);
    block.writeUInt32LE(this.#stamp, BLOCK_BYTES - 4);
    return block;
  }

  #refuseIfDead(): void {
    this.#files.refuseIfDead();
  }

  #env(): Environment {
    return {
      files: this.#files,
      clock: stillClock,
      random: this.#random,
      cipher: this.#ledger,
      log: silentLogger,
      machineId: 'sim',
      limits: LIMITS,
    };
  }
}

function isIoFailure(error: unknown): boolean {
  return error instanceof Error && 'kind' in error && error.kind === 'unavailable';
}

async function readBlocks(disk: Pick<Disk, 'read'>, blocks: readonly number[]): Promise<Map<number, Buffer>> {
  const read = new Map<number, Buffer>();
  for (const block of blocks) read.set(block, Buffer.from(await disk.read(block * BLOCK_BYTES, BLOCK_BYTES)));
  return read;
}
