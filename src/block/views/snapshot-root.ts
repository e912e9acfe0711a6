import { SystemError } from '../../base/errors.ts';
import type { Environment } from '../files/environment.ts';
import { corrupt } from '../files/io-errors.ts';
import { HEAD_NAME, ROOTS_NAME } from '../format/file-names.ts';
import type { Pin } from '../format/pin.ts';
import type { SegmentTable } from '../format/table-format.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';
import { checkPin } from '../state/check-pin.ts';
import { HeadFile } from '../state/head-file.ts';
import { readTableFile } from '../tables/table-file.ts';

/**
 * The state that a snapshot keeps. Takes no lock: the disk may be open for writing.
 * @throws {SystemError} kind `not-found`: no such snapshot. Kind `rolled-back`: the disk's files are older than the pin.
 */
export async function readSnapshot(
  env: Environment,
  source: { readonly directory: string; readonly snapshotId: string; readonly pin: Pin | undefined },
  keys: DiskKeys,
): Promise<SegmentTable> {
  const { files, log } = env;
  const { headFile, head, pin } = await HeadFile.open(files, `${source.directory}/${HEAD_NAME}`, keys, log);
  await headFile.close();
  checkPin(head, pin, source.pin);
  const table = await readRoot(env, source.directory, source.snapshotId, keys);
  if (table.diskId !== head.diskId)
    throw corrupt('TABLE_CORRUPT', `snapshot ${source.snapshotId} is one of disk ${table.diskId}`);
  return table;
}

/** The same without a look at the head: for who holds the disk. @throws {SystemError} kind `not-found`: no such snapshot. */
export async function readRoot(
  env: Environment,
  directory: string,
  snapshotId: string,
  keys: DiskKeys,
): Promise<SegmentTable> {
  const path = `${directory}/${ROOTS_NAME}/${snapshotId}`;
  if ((await env.files.stat(path)) === undefined)
    throw new SystemError('not-found', 'SNAPSHOT_NOT_FOUND', `there is no snapshot ${snapshotId}`);
  const table = await readTableFile(env.files, path, keys, env.log);
  if (table.snapshotId !== snapshotId) throw corrupt('TABLE_CORRUPT', `${path} holds snapshot ${table.snapshotId}`);
  return table;
}
