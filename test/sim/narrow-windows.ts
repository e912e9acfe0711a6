/** Crashes at every single call of an operation that is too short for chance to find its windows. */
import assert from 'node:assert/strict';

import { silentLogger } from '../../src/base/log.ts';
import { GiB } from '../../src/base/units.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { createDisk, openDisk } from '../../src/block/disk.ts';
import type { DataKey, Disk, DiskIdentity, Environment } from '../../src/block/disk.ts';
import type { Pin } from '../../src/block/format/pin.ts';
import { Seeded } from './seeded.ts';
import { SimFileSystem } from './sim-file-system.ts';
import type { SimOptions } from './sim-file-system.ts';
import { SimStorage } from './sim-storage.ts';
import { stillClock } from './still-clock.ts';

const DIRECTORY = '/disks/d-1';
const DATA_KEY: DataKey = { suite: 'aes-256-gcm', key: new Uint8Array(32).fill(3) };
const IDENTITY: DiskIdentity = { diskId: 'd-1', sizeBytes: GiB, encrypted: true, wrappedKey: Uint8Array.of(1) };
const BLOCK = Buffer.alloc(4096, 'written ');

type Skip = SimOptions['skipSync'];

class Machine {
  readonly storage = new SimStorage();
  readonly random: Seeded;
  readonly #skipSync: Skip;
  files: SimFileSystem;

  constructor(seed: number, skipSync: Skip) {
    this.random = new Seeded(seed);
    this.#skipSync = skipSync;
    this.files = this.start();
  }

  start(options: SimOptions = {}): SimFileSystem {
    this.files = new SimFileSystem(this.storage, this.random, { ...options, skipSync: this.#skipSync });
    return this.files;
  }

  losePower(): void {
    this.files.kill();
    this.storage.losePower(this.random);
  }

  get env(): Environment {
    const { files, random } = this;
    return { files, clock: stillClock, random, cipher: nodeCipherBackend(), log: silentLogger, machineId: 'sim' };
  }

  /** The work's result, or undefined when the process died first. */
  async orDeath<T>(work: Promise<T>): Promise<T | undefined> {
    const result = await Promise.race([work, this.files.death.then(() => undefined)]);
    return this.files.dead ? undefined : result;
  }

  open(pin: Pin | undefined, readOnly: boolean): Promise<Disk> {
    return openDisk(this.env, DIRECTORY, { diskId: 'd-1', dataKey: DATA_KEY, pin, readOnly });
  }
}

async function machineWithDisks(seed: number, skipSync: Skip): Promise<Machine> {
  const machine = new Machine(seed, skipSync);
  await machine.files.makeDirectory('/disks');
  await machine.files.syncDirectory('');
  return machine;
}

/**
 * The process dies at call `n` of a close; the disk is opened to be read; then power fails. Whatever state the reader
 * was given, and pinned, must still be there. Answers false when the close has fewer calls.
 */
export async function crashInClose(seed: number, n: number, skipSync?: Skip): Promise<boolean> {
  const machine = await machineWithDisks(seed, skipSync);
  await createDisk(machine.env, DIRECTORY, IDENTITY, DATA_KEY);
  const disk = await machine.open(undefined, false);
  await disk.write(0, BLOCK, { fua: true });
  const before = machine.files.calls;
  machine.files.dieAfter(before + n);
  if ((await machine.orDeath(disk.close())) !== undefined) return false;
  machine.start();
  const reader = await machine.open(undefined, true);
  const { pin } = reader;
  assert.deepEqual(Buffer.from(await reader.read(0, 4096)), BLOCK);
  machine.losePower();
  machine.start();
  const after = await machine.open(pin, true);
  assert.deepEqual(Buffer.from(await after.read(0, 4096)), BLOCK);
  return true;
}

/**
 * The process dies at call `n` of the first write after an open, then power fails: the disk opens, and has the write if
 * it was written through. Answers false when the write has fewer calls.
 */
export async function crashInFirstWrite(seed: number, n: number, skipSync?: Skip): Promise<boolean> {
  const machine = await machineWithDisks(seed, skipSync);
  await createDisk(machine.env, DIRECTORY, IDENTITY, DATA_KEY);
  const disk = await machine.open(undefined, false);
  machine.files.dieAfter(machine.files.calls + n);
  const fua = machine.random.chance(0.5);
  const answered = (await machine.orDeath(disk.write(0, BLOCK, { fua }).then(() => true))) === true;
  const expected = answered && fua ? [BLOCK] : [BLOCK, Buffer.alloc(4096)];
  machine.losePower();
  machine.start();
  const after = await machine.open(undefined, false);
  const read = Buffer.from(await after.read(0, 4096));
  assert.ok(expected.some((content) => content.equals(read)));
  await after.write(4096, BLOCK, { fua: true });
  await after.close();
  return !answered;
}

/**
 * The process dies at call `n` of two snapshots of a disk that nothing was written to since the open, then power fails:
 * the last pin that was answered still opens it. Answers false when they have fewer calls.
 */
export async function crashInSnapshots(seed: number, n: number, skipSync?: Skip): Promise<boolean> {
  const machine = await machineWithDisks(seed, skipSync);
  let pin = await createDisk(machine.env, DIRECTORY, IDENTITY, DATA_KEY);
  const disk = await machine.open(pin, false);
  machine.files.dieAfter(machine.files.calls + n);
  let snapshots = 0;
  for (const snapshotId of ['s-1', 's-2']) {
    const answered = await machine.orDeath(disk.snapshot(snapshotId));
    if (answered === undefined) break;
    pin = answered;
    snapshots += 1;
  }
  machine.losePower();
  machine.start();
  const after = await machine.open(pin, false);
  const kept = await machine.files.list(`${DIRECTORY}/roots`);
  for (let i = 1; i <= snapshots; i++) assert.ok(kept.includes(`s-${i}`), `snapshot s-${i} was answered`);
  await after.close();
  return snapshots < 2;
}

/**
 * A close cannot sync its head (which of the two syncs, the seed says), and the process dies: what the system takes for
 * written is in memory only. The next process dies at call `n` of opening and writing, then power fails: the disk opens
 * and has what was flushed. Answers false when that has fewer calls.
 */
export async function crashAfterFailedHeadSync(seed: number, n: number, skipSync?: Skip): Promise<boolean> {
  const machine = await machineWithDisks(seed, skipSync);
  let left = -1;
  const failSync = (path: string): boolean => path.endsWith('/head') && left >= 0 && left-- === 0;
  machine.start({ failSync });
  await createDisk(machine.env, DIRECTORY, IDENTITY, DATA_KEY);
  const disk = await machine.open(undefined, false);
  await disk.write(0, BLOCK, { fua: true });
  left = seed % 2;
  await assert.rejects(disk.close());
  machine.files.kill();

  machine.start({ dieAfterCalls: n });
  const second = Buffer.alloc(4096, 'second ');
  const work = machine.open(undefined, false).then((next) => next.write(4096, second, { fua: true }));
  const answered = (await machine.orDeath(work.then(() => true))) === true;
  machine.losePower();
  machine.start();
  const after = await machine.open(undefined, false);
  assert.deepEqual(Buffer.from(await after.read(0, 4096)), BLOCK);
  if (answered) assert.deepEqual(Buffer.from(await after.read(4096, 4096)), second);
  await after.close();
  return !answered;
}

/**
 * The process dies at call `n` of making a disk, then power may fail: there is a whole disk or none, and making it
 * again works. Answers false when making it has fewer calls.
 */
export async function crashInCreate(seed: number, n: number, skipSync?: Skip): Promise<boolean> {
  const machine = await machineWithDisks(seed, skipSync);
  machine.files.dieAfter(machine.files.calls + n);
  if ((await machine.orDeath(createDisk(machine.env, DIRECTORY, IDENTITY, DATA_KEY))) !== undefined) return false;
  if (machine.random.chance(0.7)) machine.losePower();
  machine.start();
  if ((await machine.files.stat(DIRECTORY)) === undefined) await createDisk(machine.env, DIRECTORY, IDENTITY, DATA_KEY);
  const disk = await machine.open(undefined, false);
  assert.deepEqual(Buffer.from(await disk.read(0, 4096)), Buffer.alloc(4096));
  await disk.write(0, BLOCK, { fua: true });
  await disk.close();
  return true;
}

/**
 * The close cannot write its head, at the `n`-th sync of it; the disk is written on, and flushed; then power fails. What
 * was flushed must be there, although a head that says "closed" may have reached the disk.
 */
export async function writeOnAfterFailedClose(seed: number, n: number): Promise<boolean> {
  const machine = await machineWithDisks(seed, undefined);
  let left = -1;
  const failSync = (path: string): boolean => path.endsWith('/head') && left >= 0 && left-- === 0;
  machine.start({ failSync });
  await createDisk(machine.env, DIRECTORY, IDENTITY, DATA_KEY);
  const disk = await machine.open(undefined, false);
  await disk.write(0, BLOCK, { fua: true });
  left = n - 1;
  const closed = await disk.close().then(
    () => true,
    () => false,
  );
  if (closed) return false;
  const later = Buffer.alloc(4096, 'written on ');
  await disk.write(4096, later, { fua: true });
  machine.losePower();
  machine.start();
  const after = await machine.open(undefined, true);
  assert.deepEqual(Buffer.from(await after.read(0, 4096)), BLOCK);
  assert.deepEqual(Buffer.from(await after.read(4096, 4096)), later);
  return true;
}
