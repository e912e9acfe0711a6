import { assert } from '../base/assert.ts';
import { SystemError } from '../base/errors.ts';
import { BLOCK_SIZE_BYTES, GiB, TiB } from '../base/units.ts';
import { isStoreShort, storeIsShort } from './collect/space-reserve.ts';
import { removeTree, splitPath } from './files/directories.ts';
import type { Environment } from './files/environment.ts';
import { ioError } from './files/io-errors.ts';
import { HOLE } from './format/address.ts';
import { HEAD_NAME, LOCK_NAME, ROOTS_NAME, SEGMENTS_NAME, TABLES_NAME, unfinishedName } from './format/file-names.ts';
import { encodeHead, pinOf, WRAPPED_KEY_SIZE_BYTES_MAX } from './format/head-format.ts';
import type { DiskIdentity, Head } from './format/head-format.ts';
import type { Pin } from './format/pin.ts';
import type { SegmentTable } from './format/table-format.ts';
import { concatCopies } from './format/two-copies.ts';
import type { DataKey } from './keys/data-key.ts';
import { DiskKeys } from './keys/disk-keys.ts';
import { SegmentRanges } from './segments/segment-ranges.ts';
import { TableWriter } from './tables/table-writer.ts';

export const DISK_SIZE_BYTES_MIN = 1 * GiB;
export const DISK_SIZE_BYTES_MAX = 64 * TiB;
const FIRST_SEQUENCE = 1;

/**
 * Makes an empty disk in `directory`, durably, or nothing.
 * @throws {SystemError} kind `conflict`: there is something in `directory` already. Kind `invalid`: size or identity.
 */
export function createDisk(
  env: Environment,
  directory: string,
  identity: DiskIdentity,
  dataKey: DataKey,
): Promise<Pin> {
  return makeDisk(env, directory, identity, dataKey, () => Promise.resolve({ root: HOLE, segments: [] }));
}

/** What a new disk starts with. */
export interface Contents {
  readonly root: SegmentTable['root'];
  readonly segments: SegmentTable['segments'];
  /** Of the first head and table; 1 where nothing comes before. */
  readonly sequence?: number;
  /** No segment number from here on was ever used. */
  readonly nextSegment?: number;
  /** Earlier data keys that the segments still need, sealed under the data key. */
  readonly olderKeys?: Head['olderKeys'];
  /** Set where they are to be sealed anew. */
  readonly reencryption?: Head['reencryption'];
}

/**
 * Builds the disk under another name and renames it, so that a crash leaves nothing under the real one.
 * @param fill puts segment files into the given directory and says what they are.
 */
export async function makeDisk(
  env: Environment,
  directory: string,
  identity: DiskIdentity,
  dataKey: DataKey,
  fill: (segmentsDirectory: string, keys: DiskKeys) => Promise<Contents>,
): Promise<Pin> {
  checkIdentity(identity);
  const { files } = env;
  const { parent, name } = splitPath(directory);
  if ((await files.stat(directory)) !== undefined)
    throw new SystemError('conflict', 'DISK_EXISTS', `there is something in ${directory} already`);
  if (await isStoreShort(files, parent)) throw storeIsShort();
  const temporary = `${parent}/${unfinishedName(name)}`;
  const keys = new DiskKeys(env.cipher, dataKey);
  try {
    await removeTree(files, temporary);
    await files.makeDirectory(temporary);
    for (const sub of [SEGMENTS_NAME, TABLES_NAME, ROOTS_NAME]) await files.makeDirectory(`${temporary}/${sub}`);
    const contents = await fill(`${temporary}/${SEGMENTS_NAME}`, keys);
    const pin = await writeFirstHead(env, temporary, identity, dataKey, keys, contents);
    await files.syncDirectory(temporary);
    await files.rename(temporary, directory);
    await files.syncDirectory(parent);
    return pin;
  } catch (error) {
    await removeTree(files, temporary).catch(() => undefined);
    throw ioError(`making disk ${identity.diskId}`, error);
  } finally {
    keys[Symbol.dispose]();
  }
}

async function writeFirstHead(
  env: Environment,
  directory: string,
  identity: DiskIdentity,
  dataKey: DataKey,
  keys: DiskKeys,
  contents: Contents,
): Promise<Pin> {
  const { files, random } = env;
  const { diskId, sizeBytes } = identity;
  const { suite } = dataKey;
  const { root, segments, sequence = FIRST_SEQUENCE } = contents;
  let nextSegment = contents.nextSegment ?? 1;
  for (const { number } of segments) nextSegment = Math.max(nextSegment, number + 1);
  const writer = new TableWriter({ files, random, keys, directory: `${directory}/${TABLES_NAME}` });
  const frozen = new SegmentRanges({ segments, chunks: [] }).freeze(undefined, nextSegment);
  const chunks = await writer.writeChunks(frozen, diskId);
  const fields = { suite, diskId, snapshotId: '', sequence, sizeBytes, root };
  const { tableId, tableDigest } = await writer.writeIndex(fields, chunks);
  const head: Head = {
    ...identity,
    suite,
    sequence,
    clean: true,
    tableId,
    tableDigest,
    session: new Uint8Array(16),
    log: { segment: 0, id: new Uint8Array(16), slot: 0 },
    nextSegment,
    machine: new Uint8Array(32),
    directoryInode: 0,
    olderKeys: contents.olderKeys ?? [],
    reencryption: contents.reencryption,
  };
  const copy = encodeHead(head, keys);
  const file = await files.create(`${directory}/${HEAD_NAME}`);
  try {
    await file.write(concatCopies(copy), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await (await files.create(`${directory}/${LOCK_NAME}`)).close();
  return pinOf(sequence, copy);
}

function checkIdentity({ diskId, sizeBytes, wrappedKey }: DiskIdentity): void {
  assert(diskId.length > 0 && diskId.length < 96, 'a disk id fits its field');
  checkDiskSize(sizeBytes);
  if (wrappedKey.length > WRAPPED_KEY_SIZE_BYTES_MAX)
    throw new SystemError(
      'invalid',
      'BAD_WRAPPED_KEY',
      `a wrapped key has at most ${WRAPPED_KEY_SIZE_BYTES_MAX} bytes`,
    );
}

/** @throws {SystemError} kind `invalid`. */
export function checkDiskSize(sizeBytes: number): void {
  if (sizeBytes < DISK_SIZE_BYTES_MIN || sizeBytes > DISK_SIZE_BYTES_MAX || sizeBytes % BLOCK_SIZE_BYTES !== 0)
    throw new SystemError('invalid', 'BAD_SIZE', 'a disk has 1 GiB to 64 TiB in steps of 4096 bytes');
}
