/** `sealdisk fsck`: finds a disk's key as the control plane would, and has a process of its own check or rebuild the disk. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import pino from 'pino';

import { AuditLog } from './audit/audit-log.ts';
import { SystemError, type ErrorKind } from './base/errors.ts';
import { systemClock } from './base/system-clock.ts';
import { systemRandom as random } from './base/system-random.ts';
import { GiB } from './base/units.ts';
import { HEAD_COPIES, HEAD_SIZE_BYTES, readHeadFields, type Head } from './block/format/head-format.ts';
import { loadConfig } from './config.ts';
import { openDataDirectory, type OpenDataDirectory } from './data-directory.ts';
import type { DataKey, DiskIdentity } from './dataplane/data-plane.ts';
import type { FsckReport, FsckRequest, RebuildReport } from './dataplane/fsck-request.ts';
import { encodeMessage } from './dataplane/protocol.ts';
import { keyVersionOf } from './kms/ciphertext-blob.ts';
import { openKms } from './kms/kms.ts';
import { findDiskRotation } from './metadata/disk-rotations.ts';
import { findDisk, type Disk } from './metadata/disks.ts';
import { findKey } from './metadata/keys.ts';
import { findKeyVersion } from './metadata/key-versions.ts';
import { evaluateServiceRole } from './ram/roles.ts';
import { recordPin } from './services/ecs/pins.ts';
import { openWrapped, type StoredDataKey } from './services/ecs/stored-data-key.ts';
import { clockOf } from './test-clock.ts';

const PROGRAM = fileURLToPath(new URL('./diskserver/fsck-main.ts', import.meta.url));

export interface FsckOptions {
  /** A disk id, or the directory of a disk. */
  readonly disk: string;
  readonly dataDirectory?: string | undefined;
  readonly withKeys: boolean;
  readonly rebuild: boolean;
  /** Where neither the database nor the disk's head can tell. */
  readonly sizeGib?: number | undefined;
  readonly wrappedKeyFile?: string | undefined;
}

/** @throws {SystemError} kind `conflict`: a server runs on the data directory, or somebody has the disk open. */
export async function fsck(options: FsckOptions): Promise<{ check?: FsckReport; rebuilt?: RebuildReport }> {
  const isPath = options.disk.includes('/') || existsSync(path.join(options.disk, 'seg'));
  const config = loadConfig(
    isPath && options.dataDirectory === undefined
      ? { dataDir: path.resolve(options.disk, '../..') }
      : options.dataDirectory === undefined
        ? {}
        : { dataDir: options.dataDirectory },
    process.env,
  );
  const { dataDirectory } = config;
  const directory = isPath ? path.resolve(options.disk) : path.join(dataDirectory, 'disks', options.disk);
  const diskId = path.basename(directory);
  const asideDirectory = path.join(dataDirectory, 'damaged');
  const base = { directory, asideDirectory, rebuild: options.rebuild };
  if (!options.withKeys) {
    const identity = { diskId, sizeBytes: 0, encrypted: false, wrappedKey: new Uint8Array(0) };
    return { check: await ask<FsckReport>({ ...base, rebuild: false, identity, dataKey: undefined, pin: undefined }) };
  }
  const log = pino({ name: 'sealdisk', level: 'warn' }, pino.destination(2));
  await using open = await openDataDirectory(dataDirectory, {
    owner: `sealdisk fsck, process ${process.pid}`,
    root: config.root,
    log,
  });
  const row = await findDisk(open.database.read, diskId);
  const rotation = await findDiskRotation(open.database.read, diskId);
  if (rotation?.status === 'Committing' && options.wrappedKeyFile === undefined)
    throw new SystemError(
      'conflict',
      'DATA_KEY_CHANGING',
      `a change of the data key of ${diskId} was cut short; start the server, which finds out how it ended, stop it and try again`,
    );
  const { identity, stored } = await identify(open, diskId, row, headOf(directory), options);
  const clock = await clockOf(open.database, systemClock);
  await using audit = await AuditLog.open({
    dataDirectory,
    sealer: open.sealers.rows,
    database: open.database,
    clock,
    random,
    log,
    program: 'fsck',
  });
  const kms = await openKms({
    dataDirectory,
    database: open.database,
    sealers: open.sealers,
    ciphers: open.ciphers,
    clock,
    random,
    evaluateServiceRole: (request) => evaluateServiceRole(open.database.read, request),
    recordKeyUse: (use) => audit.recordKeyUse(use),
    // A disk is under a key of its own account.
    isSharedWith: () => false,
  });
  const dataKey: DataKey & Disposable = await openWrapped(kms.diskKeys, stored);
  const request: FsckRequest = { ...base, identity, dataKey, pin: row?.pin ?? undefined };
  if (!options.rebuild) return { check: await ask<FsckReport>(request) };
  const rebuilt = await ask<RebuildReport>(request);
  await recordPin(open.database, diskId, rebuilt.pin);
  return { rebuilt };
}

/** Who the disk is, and its wrapped key: from its row, else from a file that was given, else from its own head. */
async function identify(
  { database }: OpenDataDirectory,
  diskId: string,
  row: Disk | undefined,
  head: Head | undefined,
  options: FsckOptions,
): Promise<{ readonly identity: DiskIdentity; readonly stored: StoredDataKey }> {
  const given = options.wrappedKeyFile === undefined ? undefined : new Uint8Array(readFileSync(options.wrappedKeyFile));
  const wrappedKey = given ?? row?.wrappedKey ?? head?.wrappedKey;
  const sizeBytes = head?.sizeBytes ?? (row?.sizeGib ?? options.sizeGib ?? 0) * GiB;
  if (wrappedKey === undefined || (options.rebuild && sizeBytes === 0))
    throw new SystemError(
      'invalid',
      'DISK_UNKNOWN',
      `neither the database nor the head of ${diskId} can be read; give --wrapped-key with a copy of its wrapped key, and --size`,
    );
  const identity = { diskId, sizeBytes, encrypted: row?.encrypted ?? head?.encrypted ?? true, wrappedKey };
  if (row !== undefined) return { identity, stored: { ...row, wrappedKey } };
  const version = keyVersionOf(wrappedKey);
  const known = version === undefined ? undefined : await findKeyVersion(database.read, version);
  const key = known === undefined ? undefined : await findKey(database.read, known.keyId);
  const suite = head?.suite ?? (key?.keySpec === 'Aliyun_SM4' ? 'sm4-gcm' : 'aes-256-gcm');
  const scope = { accountId: key?.accountId ?? '', regionId: key?.regionId ?? '', kmsKeyId: key?.keyId ?? null };
  return { identity, stored: { ...scope, diskId, suite, wrappedKey, wrappedBy: key === undefined ? 'root' : 'kms' } };
}

/** What the head says without a key; undefined when there is none that can be read. */
function headOf(directory: string): Head | undefined {
  let both: Uint8Array;
  try {
    both = readFileSync(path.join(directory, 'head'));
  } catch {
    return undefined;
  }
  const copies = Array.from({ length: HEAD_COPIES }, (_, i) =>
    both.length < (i + 1) * HEAD_SIZE_BYTES
      ? undefined
      : readHeadFields(both.subarray(i * HEAD_SIZE_BYTES, (i + 1) * HEAD_SIZE_BYTES)),
  );
  return copies.find((copy) => copy !== undefined);
}

async function ask<Report>(request: FsckRequest): Promise<Report> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--disable-sigusr1', PROGRAM], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] },
  });
  const message = encodeMessage(request);
  request.dataKey?.key.fill(0);
  child.stdin.on('error', () => undefined);
  child.stdin.end(message, () => message.fill(0));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (text === '') throw new SystemError('internal', 'FSCK_ENDED', `the check ended without an answer (exit ${code})`);
  const answer = JSON.parse(text) as {
    readonly result?: Report;
    readonly error?: { readonly kind: ErrorKind; readonly code: string; readonly message: string };
  };
  if (answer.error !== undefined) throw new SystemError(answer.error.kind, answer.error.code, answer.error.message);
  return answer.result as Report;
}
