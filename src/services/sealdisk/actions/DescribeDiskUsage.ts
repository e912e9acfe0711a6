import type { Action } from '../../../api/action.ts';
import type { DescribeDiskUsageInput, DescribeDiskUsageOutput } from '../../../api/generated/sealdisk.ts';
import type { DataPlane, DiskUsage } from '../../../dataplane/data-plane.ts';
import type { Database } from '../../../metadata/database.ts';
import { findDisk } from '../../../metadata/disks.ts';
import { ecsAccessToId } from '../../ecs/access.ts';
import { dataPlaneError } from '../../ecs/data-plane-errors.ts';
import { keyError } from '../../ecs/key-errors.ts';
import { unknownDisk } from '../../ecs/refusals.ts';
import { refuseUnlessServed } from '../../ecs/served-disk.ts';
import { dataKeyOfDisk, openDataKey, type DataKeys } from '../../ecs/stored-data-key.ts';

const NO_SPACE = { noSpace: { code: 'OperationDenied', httpStatus: 403 } };

/**
 * Counts what a disk and each of its snapshots take: allocated bytes, those that only this one reaches, and the rest,
 * which deleting it would not free; and the same as stored. Reads the disk's map, so that it needs the key.
 */
export function DescribeDiskUsage(deps: {
  readonly database: Database;
  readonly dataPlane: DataPlane;
  readonly dataKeys: DataKeys;
}): Action<DescribeDiskUsageInput, DescribeDiskUsageOutput> {
  return {
    product: 'sealdisk',
    name: 'DescribeDiskUsage',
    access: ({ input, caller, regionId }) => [
      ecsAccessToId('sealdisk:DescribeDiskUsage', caller, regionId, 'disk', input.DiskId),
    ],
    run: async ({ input, caller }) => {
      const disk = await findDisk(deps.database.read, input.DiskId);
      if (disk?.accountId !== caller.accountId || disk.status === 'Deleting') throw unknownDisk(input.DiskId);
      let dataKey;
      try {
        dataKey = await openDataKey(deps.dataKeys, dataKeyOfDisk(disk));
      } catch (error) {
        throw keyError(error, 'AttachDisk');
      }
      using _wipedAtTheEnd = dataKey;
      await refuseUnlessServed(deps, disk, NO_SPACE);
      try {
        const usage = await deps.dataPlane.measureUsage(disk.diskId, dataKey, disk.pin ?? undefined);
        return answerOf(disk.diskId, usage);
      } catch (error) {
        throw dataPlaneError(error, NO_SPACE);
      }
    },
  };
}

function answerOf(diskId: string, { states, storedBytes }: DiskUsage) {
  const views = states.map((state) => ({
    SnapshotId: state.snapshotId,
    AllocatedBytes: state.allocatedBytes,
    ExclusiveBytes: state.exclusiveBytes,
    SharedBytes: state.allocatedBytes - state.exclusiveBytes,
    StoredBytes: state.storedBytes,
    ExclusiveStoredBytes: state.exclusiveStoredBytes,
  }));
  const { SnapshotId: _none, ...disk } = views.find(({ SnapshotId }) => SnapshotId === '') ?? { SnapshotId: '' };
  return {
    DiskId: diskId,
    ...disk,
    TotalStoredBytes: storedBytes,
    Snapshots: { Snapshot: views.filter(({ SnapshotId }) => SnapshotId !== '') },
  };
}
