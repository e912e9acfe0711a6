import type { DataPlane } from '../../dataplane/data-plane.ts';
import type { Database } from '../../metadata/database.ts';
import { deleteDiskRotation, findDiskRotation } from '../../metadata/disk-rotations.ts';
import { deleteDisk, findDisk, type Disk } from '../../metadata/disks.ts';
import { findExportOfDisk } from '../../metadata/exports.ts';
import type { Transaction } from '../../metadata/reader.ts';
import { listImagesOfSnapshot } from '../../metadata/images.ts';
import { exportsOfSnapshot } from '../../metadata/snapshot-exports.ts';
import { deleteSnapshot, listSnapshotsOfDisk, type Snapshot } from '../../metadata/snapshots.ts';
import { ApiError } from '../../api/errors.ts';
import { moveDisk, moveSnapshot } from './status-changes.ts';

interface Parts {
  readonly database: Database;
  readonly dataPlane: DataPlane;
}

/**
 * Removes a disk for good. Needs no key. Manual snapshots stay; automatic ones go with it if the disk says so and no image is made
 * of them.
 *
 * 1. status Deleting, the disk is hidden from now on; its automatic snapshots likewise;
 * 2. the files;
 * 3. the rows.
 *
 * A crash after 1 is finished by reconcile.ts, or by the same call again.
 * @throws {ApiError} 403 IncorrectDiskStatus, DiskCreatingSnapshot.
 */
export async function removeDisk(parts: Parts, diskId: string): Promise<void> {
  const doomed = await parts.database.transact(async (transaction) => {
    const disk = await findDisk(transaction, diskId);
    if (disk === undefined) return false;
    if (disk.status === 'Deleting') return true;
    await refuseUnlessAvailable(transaction, disk);
    // Snapshots that stay need to know their key.
    if ((await findDiskRotation(transaction, diskId))?.status === 'Committing')
      throw new ApiError(
        'IncorrectDiskStatus',
        403,
        `The data key of disk ${diskId} is being changed; try again in a minute.`,
      );
    for (const snapshot of await listSnapshotsOfDisk(transaction, diskId)) {
      if (snapshot.status === 'progressing') {
        throw new ApiError(
          'DiskCreatingSnapshot',
          403,
          `Snapshot ${snapshot.snapshotId} of disk ${diskId} is being taken; delete the disk when it is done.`,
        );
      }
      const isOfImage = (await listImagesOfSnapshot(transaction, snapshot.snapshotId)).length > 0;
      if (snapshot.type === 'auto' && disk.deleteAutoSnapshot && !isOfImage) {
        const [exported] = await exportsOfSnapshot(transaction, snapshot.snapshotId);
        if (exported !== undefined)
          throw new ApiError(
            'IncorrectDiskStatus',
            403,
            `Snapshot ${snapshot.snapshotId}, which goes with disk ${diskId}, is needed by export ${exported.exportId}; unexport that first.`,
          );
        await moveSnapshot(transaction, snapshot.snapshotId, 'deleting');
      }
    }
    await moveDisk(transaction, diskId, 'Deleting');
    return true;
  });
  if (doomed) await finishDiskRemoval(parts, diskId);
}

/** Steps 2 and 3 for a disk in status Deleting. */
export async function finishDiskRemoval({ database, dataPlane }: Parts, diskId: string): Promise<void> {
  const snapshots = await listSnapshotsOfDisk(database.read, diskId);
  const ids = (isWanted: (snapshot: Snapshot) => boolean): string[] =>
    snapshots.filter(isWanted).map(({ snapshotId }) => snapshotId);
  await dataPlane.deleteDisk(diskId, {
    keep: ids(({ status }) => status !== 'deleting'),
    drop: ids(({ status }) => status === 'deleting'),
  });
  await database.transact(async (transaction) => {
    for (const { snapshotId, status } of await listSnapshotsOfDisk(transaction, diskId)) {
      if (status === 'deleting') await deleteSnapshot(transaction, snapshotId);
    }
    await deleteDiskRotation(transaction, diskId);
    await deleteDisk(transaction, diskId);
  });
}

/** @throws {ApiError} IncorrectDiskStatus that names what uses the disk (decisions.md H). */
export async function refuseUnlessAvailable(transaction: Transaction, disk: Disk): Promise<void> {
  if (disk.status === 'Available') return;
  const exported = await findExportOfDisk(transaction, disk.diskId);
  const why =
    exported !== undefined
      ? `is open as export ${exported.exportId}; unexport it first`
      : disk.instanceId !== null
        ? `is attached to instance ${disk.instanceId}; detach it first`
        : `is ${disk.status}, not Available`;
  throw new ApiError('IncorrectDiskStatus', 403, `Disk ${disk.diskId} ${why}.`);
}
