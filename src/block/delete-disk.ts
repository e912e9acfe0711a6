import { messageOf, SystemError } from '../base/errors.ts';
import { listedBy, listedByHead, removeUnnamed } from './collect/reclaim.ts';
import { removeTree, splitPath } from './files/directories.ts';
import type { Environment } from './files/environment.ts';
import { osCode } from './files/file-system.ts';
import { ioError } from './files/io-errors.ts';
import { trashName, unfinishedName, RETIRED_NAME, ROOTS_NAME } from './format/file-names.ts';
import { lockDisk } from './open-disk.ts';
import { addAll, noFiles } from './tables/named-files.ts';
import type { NamedFiles } from './tables/named-files.ts';
import { isUnfinishedRoot } from './tables/snapshot-names.ts';

/** What becomes of a disk's snapshots when it is deleted. Who lists too few loses none: one in neither list stays. */
export interface SnapshotFates {
  /** Must be there. */
  readonly keep: readonly string[];
  /** Go with the disk; one that is not there is no error. */
  readonly drop: readonly string[];
}

/**
 * Removes a disk's files; needs no key. When snapshots stay, the whole directory moves to `retiredDirectory`, from
 * where they can still be cloned. Those that the caller does not know stay too, and the log names them. A crash leaves
 * all or nothing under the old name; called again, it finishes. A disk that is not there is no error.
 * @throws {SystemError} kind `conflict`: the disk is open; `not-found`: a snapshot to keep is not there.
 */
export async function deleteDisk(
  env: Environment,
  directory: string,
  retiredDirectory: string,
  fates: SnapshotFates,
): Promise<void> {
  const { files } = env;
  if ((await files.stat(directory)) === undefined) {
    if ((await files.stat(retiredDirectory)) !== undefined) await finishRetiring(env, retiredDirectory, fates.drop);
    return;
  }
  const lock = await lockDisk(env, directory);
  try {
    const staying = await stayingSnapshots(env, directory, fates);
    if (staying.length === 0) {
      await throwAway(env, directory);
      return;
    }
    const listed = await dropRoots(env, directory, fates.drop);
    await retire(env, directory, retiredDirectory);
    await reclaimRetired(env, retiredDirectory, listed);
  } catch (error) {
    throw ioError(`deleting ${directory}`, error);
  } finally {
    lock[Symbol.dispose]();
  }
}

/**
 * Forgets a snapshot; needs no key. One that is not there is no error. With the last snapshot of a deleted disk goes
 * what was kept of the disk.
 * @throws {SystemError} kind `conflict`: somebody holds what is kept; forgotten it is all the same.
 */
export async function deleteSnapshot(env: Environment, directory: string, snapshotId: string): Promise<void> {
  if ((await env.files.stat(directory)) === undefined) return;
  const listed = await forgetRoot(env, directory, snapshotId);
  try {
    if (!(await isRetired(env, directory))) await removeUnnamed(env, directory, listed);
    else if (!(await throwAwayIfEmpty(env, directory))) await reclaimRetired(env, directory, listed);
  } catch (error) {
    throw ioError(`deleting snapshot ${snapshotId}`, error);
  }
}

/** Removes a snapshot's root, durably, and answers what it listed, which may be of no use to anybody any more. */
export async function forgetRoot(env: Environment, directory: string, snapshotId: string): Promise<NamedFiles> {
  const { files } = env;
  const roots = `${directory}/${ROOTS_NAME}`;
  if ((await files.stat(roots)) === undefined) return noFiles();
  try {
    const listed = await listedBy(files, `${roots}/${snapshotId}`);
    // The disk may be writing the root anew: what it has not renamed goes with it, what it has just renamed goes then.
    for (const name of [snapshotId, `${snapshotId}.new`, snapshotId])
      await files.unlink(`${roots}/${name}`).catch((error: unknown) => {
        if (osCode(error) !== 'ENOENT') throw error;
      });
    await files.syncDirectory(roots);
    return listed;
  } catch (error) {
    throw ioError(`deleting snapshot ${snapshotId}`, error);
  }
}

/** Removes what interrupted creations and deletions left in a directory of disks. For the start of a server. */
export async function removeLeftoverDirectories(env: Environment, parent: string): Promise<void> {
  const { files, log } = env;
  if ((await files.stat(parent)) === undefined) return;
  for (const name of await files.list(parent)) {
    if (!name.startsWith(trashName('')) && !name.startsWith(unfinishedName(''))) continue;
    await removeTree(files, `${parent}/${name}`).catch((error: unknown) =>
      log.warn({ directory: name, reason: messageOf(error) }, 'a leftover directory stays'),
    );
  }
}

async function stayingSnapshots(env: Environment, directory: string, { keep, drop }: SnapshotFates): Promise<string[]> {
  const { files, log } = env;
  const roots = `${directory}/${ROOTS_NAME}`;
  const found = (await files.stat(roots)) === undefined ? [] : await files.list(roots);
  const missing = keep.find((snapshotId) => !found.includes(snapshotId));
  if (missing !== undefined)
    throw new SystemError('not-found', 'SNAPSHOT_NOT_FOUND', `there is no snapshot ${missing}; nothing was deleted`);
  const staying = found.filter((name) => !isUnfinishedRoot(name) && !drop.includes(name)).toSorted();
  const unknown = staying.filter((name) => !keep.includes(name));
  if (unknown.length > 0)
    log.warn(
      { directory, snapshotIds: unknown },
      'a deleted disk has snapshots that its owner does not know; they stay',
    );
  return staying;
}

/** Answers what the snapshots listed that went. */
async function dropRoots(env: Environment, directory: string, drop: readonly string[]): Promise<NamedFiles> {
  const roots = `${directory}/${ROOTS_NAME}`;
  const listed = noFiles();
  for (const name of await env.files.list(roots)) {
    if (!isUnfinishedRoot(name) && !drop.includes(name)) continue;
    addAll(listed, await listedBy(env.files, `${roots}/${name}`));
    await env.files.unlink(`${roots}/${name}`);
  }
  await env.files.syncDirectory(roots);
  return listed;
}

/** Of a deleted disk, only what its snapshots need is kept. */
async function reclaimRetired(env: Environment, directory: string, listed: NamedFiles): Promise<void> {
  const candidates = noFiles();
  addAll(candidates, listed);
  addAll(candidates, (await listedByHead(env.files, directory).catch(() => undefined)) ?? noFiles());
  await removeUnnamed(env, directory, candidates);
}

/** The marker comes after the move: in a directory where disks live it would make the disk one to throw away. */
async function retire(env: Environment, directory: string, retiredDirectory: string): Promise<void> {
  const { files } = env;
  const to = splitPath(retiredDirectory).parent;
  if ((await files.stat(to)) === undefined) await files.makeDirectory(to);
  await files.rename(directory, retiredDirectory);
  await files.syncDirectory(to);
  await files.syncDirectory(splitPath(directory).parent);
  await mark(env, retiredDirectory);
}

/** The move was made, and perhaps no more. */
async function finishRetiring(env: Environment, retiredDirectory: string, drop: readonly string[]): Promise<void> {
  try {
    await env.files.syncDirectory(splitPath(retiredDirectory).parent);
    await mark(env, retiredDirectory);
    const listed = await dropRoots(env, retiredDirectory, drop);
    if (!(await throwAwayIfEmpty(env, retiredDirectory))) await reclaimRetired(env, retiredDirectory, listed);
  } catch (error) {
    throw ioError(`deleting ${retiredDirectory}`, error);
  }
}

async function mark(env: Environment, retiredDirectory: string): Promise<void> {
  if (!(await isRetired(env, retiredDirectory)))
    await (await env.files.create(`${retiredDirectory}/${RETIRED_NAME}`)).close();
  await env.files.syncDirectory(retiredDirectory);
}

async function isRetired(env: Environment, directory: string): Promise<boolean> {
  return (await env.files.stat(`${directory}/${RETIRED_NAME}`)) !== undefined;
}

/** Under the lock, since an open takes the marker away. Answers whether it did. */
async function throwAwayIfEmpty(env: Environment, directory: string): Promise<boolean> {
  const lock = await lockDisk(env, directory);
  try {
    const isEmpty = (await env.files.list(`${directory}/${ROOTS_NAME}`)).length === 0;
    if (!isEmpty || !(await isRetired(env, directory))) return false;
    await throwAway(env, directory);
    return true;
  } finally {
    lock[Symbol.dispose]();
  }
}

async function throwAway(env: Environment, directory: string): Promise<void> {
  const { files } = env;
  const { parent, name } = splitPath(directory);
  const trash = `${parent}/${trashName(name)}`;
  await removeTree(files, trash);
  await files.rename(directory, trash);
  await files.syncDirectory(parent);
  await removeTree(files, trash);
}
