import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Logger } from '../../src/base/log.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { systemRandom } from '../../src/base/system-random.ts';
import { GiB } from '../../src/base/units.ts';
import type { Suite } from '../../src/crypto/aead.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { createDisk, openDisk } from '../../src/block/disk.ts';
import type { DataKey, Disk, DiskIdentity, Environment } from '../../src/block/disk.ts';
import { localFiles } from '../../src/block/files/local-files.ts';
import type { OpenOptions } from '../../src/block/open-disk.ts';
import type { Pin } from '../../src/block/format/pin.ts';
import { NonceLedger } from './nonce-ledger.ts';

export const MACHINE_ID = 'machine-1';

/** Keeps what was logged, so that tests can ask for it. */
export class LogRecorder implements Logger {
  readonly lines: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[] = [];

  debug(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.lines.push({ level: 'debug', message, fields });
  }
  info(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.lines.push({ level: 'info', message, fields });
  }
  warn(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.lines.push({ level: 'warn', message, fields });
  }
  error(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.lines.push({ level: 'error', message, fields });
  }

  errors(): string[] {
    return this.lines.filter(({ level }) => level === 'error').map(({ message }) => message);
  }
}

export function dataKeyOf(suite: Suite, fill = 7): DataKey {
  return { suite, key: new Uint8Array(32).fill(fill) };
}

/** A data directory of its own with room for disks, on the real file system. */
export class DiskBench implements Disposable {
  readonly root = mkdtempSync(path.join(tmpdir(), 'sealdisk-block-'));
  readonly log = new LogRecorder();
  readonly suite: Suite;
  readonly env: Environment;

  constructor(suite: Suite = 'aes-256-gcm', overrides: Partial<Environment> = {}) {
    this.suite = suite;
    this.env = {
      files: localFiles,
      clock: systemClock,
      random: systemRandom,
      cipher: new NonceLedger(nodeCipherBackend()),
      log: this.log,
      machineId: MACHINE_ID,
      ...overrides,
    };
  }

  directory(diskId = 'd-1'): string {
    return path.join(this.root, diskId);
  }

  identity(diskId = 'd-1', sizeBytes = GiB): DiskIdentity {
    return { diskId, sizeBytes, encrypted: true, wrappedKey: Uint8Array.of(1, 2, 3) };
  }

  create(diskId = 'd-1', sizeBytes = GiB): Promise<Pin> {
    return createDisk(this.env, this.directory(diskId), this.identity(diskId, sizeBytes), dataKeyOf(this.suite));
  }

  open(options: Partial<OpenOptions> = {}): Promise<Disk> {
    const diskId = options.diskId ?? 'd-1';
    return openDisk(this.env, this.directory(diskId), {
      diskId,
      dataKey: dataKeyOf(this.suite),
      pin: undefined,
      readOnly: false,
      ...options,
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** 4096 bytes that say which write they come from. */
export function blockOf(stamp: number): Uint8Array {
  const block = Buffer.alloc(4096);
  for (let at = 0; at < block.length; at += 8) {
    block.writeUInt32LE(stamp, at);
    block.writeUInt32LE(at, at + 4);
  }
  return block;
}
