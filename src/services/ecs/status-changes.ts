import { assert } from '../../base/assert.ts';
import { findDisk, updateDisk, type Disk } from '../../metadata/disks.ts';
import type { Transaction } from '../../metadata/reader.ts';
import { findSnapshot, updateSnapshot, type Snapshot } from '../../metadata/snapshots.ts';
import { diskMayBecome, snapshotMayBecome, type DiskStatus, type SnapshotStatus } from './disk-lifecycle.ts';

/** The only way in which a disk's status changes: along disk-lifecycle.ts, together with `changes`. */
export async function moveDisk(
  transaction: Transaction,
  diskId: string,
  status: DiskStatus,
  changes: Partial<Omit<Disk, 'diskId' | 'status'>> = {},
): Promise<Disk> {
  const disk = await findDisk(transaction, diskId);
  assert(disk !== undefined && diskMayBecome(disk.status, status), `disk ${diskId}: ${disk?.status} to ${status}`);
  return updateDisk(transaction, diskId, { ...changes, status });
}

/** The same for snapshots. */
export async function moveSnapshot(
  transaction: Transaction,
  snapshotId: string,
  status: SnapshotStatus,
  changes: Partial<Omit<Snapshot, 'snapshotId' | 'status'>> = {},
): Promise<Snapshot> {
  const snapshot = await findSnapshot(transaction, snapshotId);
  assert(
    snapshot !== undefined && snapshotMayBecome(snapshot.status, status),
    `snapshot ${snapshotId}: ${snapshot?.status} to ${status}`,
  );
  return updateSnapshot(transaction, snapshotId, { ...changes, status });
}
