import { assert } from '../base/assert.ts';
import { messageOf, SystemError } from '../base/errors.ts';
import { readWhole } from './files/durable-files.ts';
import { DEFAULT_LIMITS } from './files/environment.ts';
import type { Environment } from './files/environment.ts';
import { corrupt, ioError } from './files/io-errors.ts';
import { HEAD_NAME, LOCK_NAME, MARK_NAME, RETIRED_NAME, ROOTS_NAME, TABLES_NAME } from './format/file-names.ts';
import { equalBytes, toHex } from './format/fixed-bytes.ts';
import { decodeHead, HEAD_COPIES, HEAD_SIZE_BYTES, storedInode } from './format/head-format.ts';
import type { Head } from './format/head-format.ts';
import type { Pin } from './format/pin.ts';
import type { DataKey } from './keys/data-key.ts';
import { DiskKeys } from './keys/disk-keys.ts';
import { checkPin } from './state/check-pin.ts';
import { checkMetadata, CHECKED_AT_OPEN_MAX, removeLeftovers } from './state/disk-checks.ts';
import { DiskState, machineDigest } from './state/disk-state.ts';
import { HeadFile } from './state/head-file.ts';
import { recover, replayInMemory } from './state/recovery.ts';
import type { LogLoss } from './state/recovery.ts';
import { snapshotNames } from './tables/snapshot-names.ts';
import { readTableFile } from './tables/table-file.ts';

export interface OpenOptions {
  readonly diskId: string;
  readonly dataKey: DataKey;
  /** Others that may be the disk's, where a change of the data key was interrupted. */
  readonly otherDataKeys?: readonly DataKey[] | undefined;
  /** The newest state that the owner knows of; anything older is refused. */
  readonly pin: Pin | undefined;
  readonly readOnly: boolean;
  /** Accept a disk that was left open on another machine or in another directory. */
  readonly adopt?: boolean | undefined;
  /** Refuse, with code `DISK_NOT_CLEAN`, a disk that was not closed in order. */
  readonly expectClean?: boolean | undefined;
  /** With `readOnly`: open a disk whose log is damaged although it was flushed, as it was before the damage. */
  readonly salvage?: boolean | undefined;
  /** With `readOnly`: only look; nothing is written, not even what has to be before a client or a pin relies on it. */
  readonly inspect?: boolean | undefined;
}

/** An opened disk: in the state of its last close, or recovered to it. */
export interface OpenedState {
  readonly state: DiskState;
  readonly lock: Disposable;
  /** True when the disk had not been closed in order. */
  readonly recovered: boolean;
  /** Set when the log was read and nothing was written: the files still say that the disk was not closed. */
  readonly inMemory?: { readonly loss: LogLoss | undefined } | undefined;
  readonly snapshotIds: readonly string[];
}

/**
 * The durable head of a disk that nobody has open, read with whichever of the data keys is its own: where a change of the
 * data key was cut short, this tells how it ended. Nothing is opened or recovered, so that a disk that was not closed in
 * order stays one.
 * @throws {SystemError} kind `conflict`: somebody has it open; `rolled-back`, `corrupt` as for opening.
 */
export async function settledHead(
  env: Environment,
  directory: string,
  options: { readonly diskId: string; readonly dataKeys: readonly DataKey[]; readonly pin: Pin | undefined },
): Promise<{ readonly head: Head; readonly pin: Pin }> {
  using _held = await lockDisk(env, directory);
  const dataKey = await rightDataKey(env, directory, options.dataKeys);
  using keys = new DiskKeys(env.cipher, dataKey);
  const { headFile, head, pin, needsRepair } = await HeadFile.open(
    env.files,
    `${directory}/${HEAD_NAME}`,
    keys,
    env.log,
  );
  try {
    checkPin(head, pin, options.pin);
    checkIdentity(head, options.diskId, dataKey);
    // The caller forgets the other key: this head must survive power loss.
    if (needsRepair) await headFile.settle();
    return { head, pin };
  } finally {
    await headFile.close();
  }
}

export async function openState(env: Environment, directory: string, options: OpenOptions): Promise<OpenedState> {
  const lock = await lockDisk(env, directory);
  let dataKey: DataKey;
  try {
    dataKey = await rightDataKey(env, directory, [options.dataKey, ...(options.otherDataKeys ?? [])]);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
  const keys = new DiskKeys(env.cipher, dataKey);
  let headFile: HeadFile | undefined;
  let state: DiskState | undefined;
  try {
    const opened = await HeadFile.open(env.files, `${directory}/${HEAD_NAME}`, keys, env.log);
    headFile = opened.headFile;
    const { head, pin } = opened;
    checkPin(head, pin, options.pin);
    checkIdentity(head, options.diskId, dataKey);
    if (!head.clean) await checkHolder(env, directory, head, options);
    state = await loadState(env, directory, keys, opened);
    state.pinnedLog = options.pin?.log;
    let inMemory: OpenedState['inMemory'];
    // Who opens is given the head's pin, so that the head must be durable, for reading too. It needs no space for that.
    if (opened.needsRepair && (head.clean || options.readOnly) && options.inspect !== true) await headFile.settle();
    if (!head.clean && options.readOnly) {
      inMemory = { loss: await replayInMemory(state, { salvage: options.salvage === true }) };
      if (inMemory.loss !== undefined) reportLoss(state, inMemory.loss);
    } else if (!head.clean) {
      await recover(state);
    }
    if (options.inspect !== true) await clearRetired(state);
    if (!options.readOnly) {
      await removeLeftovers(state);
      await env.files.unlink(state.path(MARK_NAME)).catch(() => undefined);
    }
    if (state.store.entries().length <= CHECKED_AT_OPEN_MAX) await checkMetadata(state);
    else void checkMetadata(state).catch((error: unknown) => env.log.warn({ reason: messageOf(error) }, 'check ended'));
    const snapshotIds = await snapshotNames(env.files, state.path(ROOTS_NAME));
    return { state, lock, recovered: !head.clean, snapshotIds, inMemory };
  } catch (error) {
    state?.store.close();
    await headFile?.close().catch(() => undefined);
    keys[Symbol.dispose]();
    lock[Symbol.dispose]();
    throw error;
  }
}

function reportLoss({ env, head }: DiskState, { end, durable, reasons }: LogLoss): void {
  env.log.error({ diskId: head.diskId, end, durable, reasons }, 'a damaged log was read up to the damage');
}

/** A disk that opens was not deleted, whatever an interrupted deletion or somebody who moved it back left behind. */
async function clearRetired({ env, directory }: DiskState): Promise<void> {
  const marker = `${directory}/${RETIRED_NAME}`;
  if ((await env.files.stat(marker)) === undefined) return;
  env.log.warn({ directory }, 'the disk was marked as deleted; the mark was removed');
  try {
    await env.files.unlink(marker);
    await env.files.syncDirectory(directory);
  } catch (error) {
    throw ioError(`removing ${marker}`, error);
  }
}

/** Of several data keys the one that the newest copy of the head is authentic under; the first, if none is. */
async function rightDataKey(env: Environment, directory: string, dataKeys: readonly DataKey[]): Promise<DataKey> {
  const [first, ...others] = dataKeys;
  assert(first, 'there is a data key');
  if (others.length === 0) return first;
  const both = await readWhole(env.files, `${directory}/${HEAD_NAME}`);
  let right = { dataKey: first, sequence: -1 };
  for (const dataKey of dataKeys) {
    using keys = new DiskKeys(env.cipher, dataKey);
    for (let copy = 0; copy < HEAD_COPIES; copy++) {
      const head = decodeHead(both.subarray(copy * HEAD_SIZE_BYTES, (copy + 1) * HEAD_SIZE_BYTES), keys);
      if (head !== undefined && head.sequence > right.sequence) right = { dataKey, sequence: head.sequence };
    }
  }
  return right.dataKey;
}

async function loadState(
  env: Environment,
  directory: string,
  keys: DiskKeys,
  opened: { readonly headFile: HeadFile; readonly head: Head; readonly pin: Pin },
): Promise<DiskState> {
  const { headFile, head, pin } = opened;
  const path = `${directory}/${TABLES_NAME}/${toHex(head.tableId)}`;
  const table = await readTableFile(env.files, path, keys, env.log, head.tableDigest);
  if (table.diskId !== head.diskId)
    throw corrupt('TABLE_CORRUPT', `the segment table in ${path} is not the one that the head names`);
  const limits = { ...DEFAULT_LIMITS, ...env.limits };
  return new DiskState({ env, limits, directory, keys, headFile, head, pin, table });
}

/** @throws {SystemError} kind `conflict`: another process, or another part of this one, has the disk open. */
export async function lockDisk(env: Environment, directory: string): Promise<Disposable> {
  if ((await env.files.stat(directory)) === undefined)
    throw new SystemError('not-found', 'DISK_NOT_FOUND', `there is no disk in ${directory}`);
  return env.files.lock(`${directory}/${LOCK_NAME}`);
}

function checkIdentity(head: Head, diskId: string, { suite }: DataKey): void {
  if (head.diskId !== diskId) throw corrupt('WRONG_DISK', `the directory holds disk ${head.diskId}, not ${diskId}`);
  if (head.suite !== suite)
    throw corrupt('WRONG_SUITE', `disk ${head.diskId} is sealed with ${head.suite}, not ${suite}`);
}

async function checkHolder(env: Environment, directory: string, head: Head, options: OpenOptions): Promise<void> {
  if (options.expectClean === true)
    throw new SystemError('conflict', 'DISK_NOT_CLEAN', `disk ${head.diskId} was not closed in order`);
  const inode = (await env.files.stat(directory))?.inode ?? 0;
  const sameHolder =
    equalBytes(head.machine, machineDigest(env.machineId)) && storedInode(inode) === storedInode(head.directoryInode);
  if (!sameHolder && options.adopt !== true)
    throw new SystemError(
      'conflict',
      'DISK_OPEN_ELSEWHERE',
      `disk ${head.diskId} was left open on another machine or in another directory; if that one is gone for good, adopt it`,
    );
}
