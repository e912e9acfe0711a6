/**
 * One disk in many timelines: older copies of its directory put back, copies that live on beside it, clones, and crashes,
 * each written by a process of its own. No key and nonce may seal two messages in any of them together.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

import { cloneDisk, createDisk, openDisk } from '../../src/block/disk.ts';
import type { Environment } from '../../src/block/disk.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { dataKeyOf, DiskBench } from '../block/disk-fixture.ts';
import { Seeded } from '../sim/seeded.ts';
import { ledgered } from '../support/process-ledger.ts';

type End = 'close' | 'abandon' | 'kill';

export class Timelines implements Disposable {
  readonly bench: DiskBench;
  readonly ledger: string;
  readonly environment: Environment;
  #stamp = 0;

  constructor() {
    this.bench = new DiskBench();
    this.ledger = path.join(this.bench.root, 'ledger');
    this.environment = { ...this.bench.env, cipher: ledgered(nodeCipherBackend(), this.ledger) };
  }

  async create(): Promise<void> {
    const directory = this.bench.directory();
    await createDisk(this.environment, directory, this.bench.identity(), dataKeyOf(this.bench.suite));
  }

  /** The directory of `diskId`, or of a copy of it. */
  at(diskId: string): string {
    return this.bench.directory(diskId);
  }

  copy(from: string, to: string): void {
    rmSync(this.at(to), { recursive: true, force: true });
    cpSync(this.at(from), this.at(to), { recursive: true });
  }

  write(name: string, end: End, random = 'system'): Promise<void> {
    this.#stamp += 1;
    const program = path.join(import.meta.dirname, 'ledgered-writer.ts');
    const args = [
      '--disable-warning=ExperimentalWarning',
      program,
      this.ledger,
      this.at(name),
      String(this.#stamp),
      end,
    ];
    const child = spawn(process.execPath, [...args, random], { stdio: ['ignore', 'ignore', 'pipe'] });
    let complaint = '';
    child.stderr.on('data', (data: Buffer) => (complaint += data.toString()));
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        if (end === 'kill' ? signal === 'SIGKILL' : code === 0) resolve();
        else reject(new Error(`the writer ended with ${signal ?? code}: ${complaint}`));
      });
    });
  }

  async snapshot(name: string, snapshotId: string): Promise<void> {
    const dataKey = dataKeyOf(this.bench.suite);
    const options = { diskId: 'd-1', dataKey, pin: undefined, readOnly: false, adopt: true };
    const disk = await openDisk(this.environment, this.at(name), options);
    await disk.snapshot(snapshotId);
    await disk.close();
  }

  /** The clone has the data key of its source, which makes repeats as likely as they can be. */
  async clone(name: string, snapshotId: string, diskId: string): Promise<void> {
    const dataKey = dataKeyOf(this.bench.suite);
    const source = { directory: this.at(name), snapshotId, dataKey, pin: undefined };
    const target = { directory: this.at(diskId), identity: this.bench.identity(diskId), dataKey };
    await cloneDisk(this.environment, source, target);
  }

  [Symbol.dispose](): void {
    this.bench[Symbol.dispose]();
  }
}

/** Random timelines of one disk; answers how many processes wrote. */
export async function randomTimelines(seed: number, steps: number, timelines: Timelines): Promise<number> {
  const random = new Seeded(seed);
  await timelines.create();
  const living = ['d-1'];
  const kept: string[] = [];
  let writers = 0;
  for (let step = 0; step < steps; step++) {
    const name = random.pick(living);
    const roll = random.below(10);
    if (roll < 2) {
      const copy = `${name.replace(/-copy.*/, '')}-copy${step}`;
      timelines.copy(name, copy);
      if (random.chance(0.5)) living.push(copy);
      else kept.push(copy);
    } else if (roll < 4 && kept.length > 0) {
      // An older copy is put back over what was written since.
      const older = random.pick(kept);
      const target = living.find((each) => each.replace(/-copy.*/, '') === older.replace(/-copy.*/, ''));
      if (target !== undefined) timelines.copy(older, target);
    } else if (roll === 4 && name.startsWith('d-1')) {
      await timelines.snapshot(name, `s-${step}`);
      await timelines.clone(name, `s-${step}`, `d-clone${step}`);
      living.push(`d-clone${step}`);
    } else {
      // Two that both believe they own the disk, at the same time.
      const other = living.find((each) => each !== name);
      const ends = [
        random.pick<End>(['close', 'abandon', 'kill']),
        random.pick<End>(['close', 'abandon', 'kill']),
      ] as const;
      await Promise.all([
        timelines.write(name, ends[0]),
        ...(other === undefined ? [] : [timelines.write(other, ends[1])]),
      ]);
      writers += other === undefined ? 1 : 2;
    }
  }
  assert.ok(writers > 0, 'somebody wrote');
  return writers;
}
