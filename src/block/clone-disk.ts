import { isKind, SystemError } from '../base/errors.ts';
import { makeDisk } from './create-disk.ts';
import type { Contents } from './create-disk.ts';
import type { Environment } from './files/environment.ts';
import { osCode } from './files/file-system.ts';
import type { FileSystem } from './files/file-system.ts';
import { ROOTS_NAME, SEGMENTS_NAME } from './format/file-names.ts';
import { toHex } from './format/fixed-bytes.ts';
import type { DiskIdentity } from './format/head-format.ts';
import type { EpochRecord } from './format/key-records.ts';
import type { Pin } from './format/pin.ts';
import { epochName } from './format/segment-entries.ts';
import type { SegmentTable } from './format/table-format.ts';
import type { DataKey } from './keys/data-key.ts';
import { DiskKeys } from './keys/disk-keys.ts';
import { readSnapshot } from './views/snapshot-root.ts';

const COPY_SIZE_BYTES = 4 * 1024 * 1024;

/** A source that is being sealed anew may replace what was just read. */
const TRIES = 5;

interface Source {
  readonly directory: string;
  readonly snapshotId: string;
  readonly dataKey: DataKey;
  readonly pin: Pin | undefined;
}

interface Target {
  readonly directory: string;
  readonly identity: DiskIdentity;
  readonly dataKey: DataKey;
  /**
   * The disk is to share no key with its source in the end: what it shares is sealed anew while it is open for writing
   * (`Disk.reencryption`). So it is when the suite is another one.
   */
  readonly independent?: boolean;
}

/**
 * Makes a disk from a snapshot without copying data: the segment files get a second name in the new disk's directory,
 * so that neither disk needs the other from then on. Works while the source is open. The new disk receives the keys of
 * the snapshot's epochs, wrapped under its own data key, and no other key of the source.
 *
 * @throws {SystemError} kind `not-found`: no such snapshot. Kind `invalid`: the new disk is smaller.
 */
export async function cloneDisk(env: Environment, source: Source, target: Target): Promise<Pin> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await cloneOnce(env, source, target);
    } catch (error) {
      const isGone = isKind(error, 'corrupt') ? error.code === 'FILE_MISSING' : isKind(error, 'not-found');
      const root = `${source.directory}/${ROOTS_NAME}/${source.snapshotId}`;
      if (!isGone || attempt === TRIES || (await env.files.stat(root)) === undefined) throw error;
    }
  }
}

async function cloneOnce(env: Environment, source: Source, target: Target): Promise<Pin> {
  const sourceKeys = new DiskKeys(env.cipher, source.dataKey);
  try {
    const table = await readSnapshot(env, source, sourceKeys);
    if (target.identity.sizeBytes < table.sizeBytes)
      throw new SystemError('invalid', 'CLONE_TOO_SMALL', `the snapshot needs at least ${table.sizeBytes} bytes`);
    const { suite } = target.dataKey;
    return await makeDisk(env, target.directory, target.identity, target.dataKey, async (directory, keys) => {
      await shareSegments(env.files, `${source.directory}/${SEGMENTS_NAME}`, directory, table);
      const isMixed = table.segments.some(({ epoch }) => epoch.suite !== suite);
      if (target.independent !== true && !isMixed) return rewrap(table, sourceKeys, keys);
      // Wrapped under a key of the moment, which goes when everything is sealed anew, like an earlier data key.
      using passing = new DiskKeys(env.cipher, { suite, key: env.random.bytes(32) });
      const contents = rewrap(table, sourceKeys, passing);
      keys.remember(passing);
      return { ...contents, olderKeys: keys.sealOlder(env.random), reencryption: workFor(table, env.clock.nowMs()) };
    });
  } finally {
    sourceKeys[Symbol.dispose]();
  }
}

function workFor({ segments }: SegmentTable, beganAtMs: number): Contents['reencryption'] {
  let slots = 0;
  for (const entry of segments) slots += entry.slots;
  return { paused: false, bytesPerSecond: 0, segments: segments.length, slots, beganAtMs };
}

async function shareSegments(files: FileSystem, from: string, to: string, table: SegmentTable): Promise<void> {
  for (const { id } of table.segments) {
    const name = toHex(id);
    try {
      await files.link(`${from}/${name}`, `${to}/${name}`);
    } catch (error) {
      const code = osCode(error);
      if (code === 'ENOENT')
        throw new SystemError('not-found', 'SNAPSHOT_NOT_FOUND', 'the snapshot was deleted meanwhile');
      if (code !== 'EMLINK' && code !== 'EXDEV' && code !== 'EPERM' && code !== 'ENOTSUP') throw error;
      await copyFile(files, `${from}/${name}`, `${to}/${name}`);
    }
  }
  await files.syncDirectory(to);
}

async function copyFile(files: FileSystem, from: string, to: string): Promise<void> {
  const source = await files.open(from, 'read');
  try {
    const copy = await files.create(to);
    try {
      const buffer = new Uint8Array(COPY_SIZE_BYTES);
      for (let at = 0, filled = COPY_SIZE_BYTES; filled === COPY_SIZE_BYTES; at += filled) {
        filled = await source.read(buffer, at);
        await copy.write(buffer.subarray(0, filled), at);
      }
      await copy.sync();
    } finally {
      await copy.close();
    }
  } finally {
    await source.close();
  }
}

function rewrap(table: SegmentTable, sourceKeys: DiskKeys, keys: DiskKeys): Contents {
  const rewrapped = new Map<string, EpochRecord>();
  const epochFor = (epoch: EpochRecord): EpochRecord => {
    const name = epochName(epoch);
    let record = rewrapped.get(name);
    if (record === undefined) {
      const secret = sourceKeys.epochSecret(epoch);
      record = keys.adoptEpoch(epoch.id, secret, epoch.suite);
      secret.fill(0);
      rewrapped.set(name, record);
    }
    return record;
  };
  const segments = table.segments.map((entry) => ({ ...entry, epoch: epochFor(entry.epoch) }));
  return { root: table.root, segments };
}
