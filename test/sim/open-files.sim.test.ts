import assert from 'node:assert/strict';
import { test } from 'node:test';

import { silentLogger } from '../../src/base/log.ts';
import { GiB } from '../../src/base/units.ts';
import { createDisk, openDisk } from '../../src/block/disk.ts';
import type { DataKey, Disk, Environment } from '../../src/block/disk.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { Seeded } from './seeded.ts';
import { SimFileSystem } from './sim-file-system.ts';
import type { SimOptions } from './sim-file-system.ts';
import { SimStorage } from './sim-storage.ts';
import { stillClock } from './still-clock.ts';

const DIRECTORY = '/disks/d-1';
const DATA_KEY: DataKey = { suite: 'aes-256-gcm', key: new Uint8Array(32).fill(3) };
const LIMITS = { segmentSlots: 6, mapPages: 4, openSegments: 2 };

class Machine {
  readonly #storage = new SimStorage();
  readonly #random = new Seeded(1);
  files = this.start();

  start(options: SimOptions = {}): SimFileSystem {
    this.files = new SimFileSystem(this.#storage, this.#random, options);
    return this.files;
  }

  get env(): Environment {
    const { files } = this;
    const cipher = nodeCipherBackend();
    return {
      files,
      clock: stillClock,
      random: this.#random,
      cipher,
      log: silentLogger,
      machineId: 'sim',
      limits: LIMITS,
    };
  }

  open(): Promise<Disk> {
    return openDisk(this.env, DIRECTORY, { diskId: 'd-1', dataKey: DATA_KEY, pin: undefined, readOnly: false });
  }
}

/** A disk that its process left with `writes` blocks in the log. */
async function leftOpen(writes: number): Promise<Machine> {
  const machine = new Machine();
  await machine.files.makeDirectory('/disks');
  const identity = { diskId: 'd-1', sizeBytes: GiB, encrypted: true, wrappedKey: Uint8Array.of(1) };
  await createDisk(machine.env, DIRECTORY, identity, DATA_KEY);
  if (writes === 0) return machine;
  const disk = await machine.open();
  for (let i = 0; i < writes; i++) await disk.write(i * 4096, Buffer.alloc(4096, i + 1), { fua: true });
  await disk.snapshot('s-1');
  for (let i = 0; i < writes; i++) await disk.write(i * 8192, Buffer.alloc(4096, i + 1), { fua: false });
  machine.files.kill();
  return machine;
}

/** Opens, writes until it works, closes; call `n` fails. Answers false when there are fewer calls. */
async function failAt(n: number, writes: number): Promise<boolean> {
  const machine = await leftOpen(writes);
  const files = machine.start({ failCall: n });
  const settled = async (): Promise<void> => {
    // A store that was let go of closes its files by and by.
    for (let turn = 0; files.openFiles > 0 && turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const disk = await machine.open().catch(async () => {
    await settled();
    assert.equal(files.openFiles, 0, `call ${n} failed in the open`);
    return machine.open();
  });
  const body = Buffer.alloc(4096, 99);
  for (let i = 0; i < 8; i++)
    await disk.write(i * 4096, body, { fua: i % 4 === 0 }).catch(() => disk.write(i * 4096, body, { fua: false }));
  await disk.read(0, 4096).catch(() => disk.read(0, 4096));
  await disk.snapshot('s-2').catch(() => disk.snapshot('s-2'));
  await disk.close().catch(() => disk.close());
  await settled();
  assert.equal(files.openFiles, 0, `call ${n} failed`);
  return files.calls >= n;
}

for (const [name, writes] of [
  ['closed', 0],
  ['left open', 14],
] as const)
  test(`whichever call fails, a disk that was ${name} leaves no file open`, async () => {
    let n = 1;
    while (await failAt(n, writes)) n += 1;
    assert.ok(n > 80, `${n} calls`);
  });
