import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { CreateSnapshotInput, CreateSnapshotOutput } from '../../../api/generated/ecs.ts';
import { findDisk, type Disk } from '../../../metadata/disks.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { listSnapshotsOfDisk, type Snapshot } from '../../../metadata/snapshots.ts';
import { ecsAccess, ecsAccessToId } from '../access.ts';
import { dataPlaneError } from '../data-plane-errors.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { SNAPSHOT_DISK_STATUSES } from '../disk-lifecycle.ts';
import { refuseChangedKey } from '../key-changes.ts';
import { keyError } from '../key-errors.ts';
import { checkedSnapshotRequest, type SnapshotRequest } from '../snapshot-request.ts';
import { mintId } from '../resource-ids.ts';
import { unknownDisk, unknownRegion } from '../refusals.ts';
import { findRegion, regionOfId } from '../regions.ts';
import { refuseUnlessServed } from '../served-disk.ts';
import { provisionSnapshot } from '../snapshot-provision.ts';
import { dataKeyOfDisk, openDataKey } from '../stored-data-key.ts';

type Parts = Pick<EcsDependencies, 'database' | 'dataPlane' | 'dataKeys' | 'clock' | 'random' | 'log'>;

/** Manual snapshots of one disk. Source: facts.md 4.11. */
const SNAPSHOTS_MAX = 256;

const NO_SPACE = { noSpace: { code: 'CreateSnapshot.Failed', httpStatus: 403 } };

/**
 * Freezes a disk as it is now, open or closed, under the disk's own data key (facts.md 4.1). Needs the disk's KMS key
 * to be usable (decisions.md C1).
 */
export function CreateSnapshot(deps: Parts): Action<CreateSnapshotInput, CreateSnapshotOutput> {
  return {
    product: 'ecs',
    name: 'CreateSnapshot',
    access: ({ input, caller, regionId }) => [
      ecsAccessToId('ecs:CreateSnapshot', caller, regionId, 'disk', input.DiskId),
      ecsAccess('ecs:CreateSnapshot', caller, regionOfId(input.DiskId)?.regionId ?? regionId, 'snapshot/*'),
    ],
    run: async ({ input, caller, idempotencyKey }) => {
      const request = checkedSnapshotRequest(input);
      let disk = await usableDisk(deps.database.read, input.DiskId, caller.accountId);
      let dataKey;
      try {
        await deps.dataKeys.settled(dataKeyOfDisk(disk));
        disk = await usableDisk(deps.database.read, input.DiskId, caller.accountId);
        dataKey = await openDataKey(deps.dataKeys, dataKeyOfDisk(disk));
      } catch (error) {
        throw keyError(error, 'CreateSnapshot');
      }
      using _wipedAtTheEnd = dataKey;
      await refuseUnlessServed(deps, disk, NO_SPACE);
      const region = findRegion(disk.regionId);
      if (region === undefined) throw unknownRegion(disk.regionId);
      const snapshotId = mintId(deps.random, 's', region);
      const snapshot = newSnapshot(snapshotId, disk, request, deps.clock.nowMs());
      try {
        const answer = { idempotencyKey, output: { SnapshotId: snapshotId } };
        const recheck = async (reader: Reader): Promise<void> => {
          await usableDisk(reader, disk.diskId, caller.accountId);
          await refuseChangedKey(reader, disk);
        };
        await provisionSnapshot(deps, snapshot, dataKey, recheck, answer);
      } catch (error) {
        throw dataPlaneError(error, NO_SPACE);
      }
      deps.log.info({ snapshotId, diskId: disk.diskId, accountId: caller.accountId }, 'snapshot taken');
      return { SnapshotId: snapshotId };
    },
  };
}

/** The disk, if a snapshot of it can be taken. Source: facts.md 4.3, 4.11. */
async function usableDisk(reader: Reader, diskId: string, accountId: string): Promise<Disk> {
  const disk = await findDisk(reader, diskId);
  if (disk?.accountId !== accountId || disk.status === 'Deleting') throw unknownDisk(diskId);
  if (!SNAPSHOT_DISK_STATUSES.includes(disk.status)) {
    throw new ApiError('IncorrectDiskStatus', 403, `Disk ${diskId} is ${disk.status}; wait until it is Available.`);
  }
  if (!disk.everAttached) {
    throw new ApiError(
      'IncorrectDiskStatus.NeverAttached',
      403,
      `Disk ${diskId} was never attached or exported, so there is nothing in it to keep.`,
    );
  }
  const snapshots = await listSnapshotsOfDisk(reader, diskId);
  if (snapshots.some(({ status }) => status === 'progressing')) {
    throw new ApiError(
      'IncorrectDiskStatus.CreatingSnapshot',
      403,
      `Another snapshot of disk ${diskId} is being taken; wait for it.`,
    );
  }
  const manual = snapshots.filter(({ type, status }) => type === 'user' && status !== 'deleting');
  if (manual.length >= SNAPSHOTS_MAX) {
    throw new ApiError(
      'QuotaExceed.Snapshot',
      403,
      `Disk ${diskId} has ${SNAPSHOTS_MAX} snapshots; delete some first.`,
    );
  }
  return disk;
}

function newSnapshot(snapshotId: string, disk: Disk, request: SnapshotRequest, nowMs: number): Snapshot {
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
