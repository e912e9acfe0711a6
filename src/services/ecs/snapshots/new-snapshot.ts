import type { Disk } from '../../../metadata/disks.ts';
import type { Snapshot } from '../../../metadata/snapshots.ts';
import type { SnapshotRequest } from '../snapshot-request.ts';

/** The row of a snapshot that is about to be taken: under the disk's own data key (facts.md 4.1). */
export function newSnapshot(snapshotId: string, disk: Disk, request: SnapshotRequest, nowMs: number): Snapshot {
  return {
    ...request,
    snapshotId,
    accountId: disk.accountId,
    regionId: disk.regionId,
    sourceDiskId: disk.diskId,
    sourceDiskType: disk.type,
    sourceInstanceId: disk.instanceId,
    type: 'user',
    category: 'standard',
    sizeGib: disk.sizeGib,
    status: 'progressing',
    progress: 0,
    encrypted: disk.encrypted,
    kmsKeyId: disk.kmsKeyId,
    suite: disk.suite,
    wrappedKey: disk.wrappedKey,
    wrappedBy: disk.wrappedBy,
    pin: null,
    resourceGroupId: null,
    createdMs: nowMs,
    modifiedMs: nowMs,
  };
}
