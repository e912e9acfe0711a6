import { ApiError } from '../../api/errors.ts';
import { findDiskRotation } from '../../metadata/disk-rotations.ts';
import { findDisk } from '../../metadata/disks.ts';
import type { Reader } from '../../metadata/reader.ts';

/**
 * For the transaction that makes it known that a disk, or a snapshot of it, is about to be opened with a key that was
 * opened before: the key may be another one by now. The other way round a change of the key refuses what it finds there.
 * A deleted disk changes no key any more.
 * @throws {ApiError} IncorrectDiskStatus.
 */
export async function refuseChangedKey(
  reader: Reader,
  { diskId, wrappedKey }: { readonly diskId: string; readonly wrappedKey: Uint8Array },
): Promise<void> {
  const disk = await findDisk(reader, diskId);
  if (disk === undefined) return;
  const rotation = await findDiskRotation(reader, diskId);
  if (rotation?.status !== 'Committing' && Buffer.compare(disk.wrappedKey, wrappedKey) === 0) return;
  throw new ApiError(
    'IncorrectDiskStatus',
    403,
    `Disk ${diskId} is getting another data key at this moment; try again in a few seconds.`,
  );
}
