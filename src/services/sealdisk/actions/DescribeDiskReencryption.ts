import type { Action } from '../../../api/action.ts';
import type { DescribeDiskReencryptionInput, DescribeDiskReencryptionOutput } from '../../../api/generated/sealdisk.ts';
import { isoSeconds } from '../../../base/clock.ts';
import { MiB } from '../../../base/units.ts';
import { ecsAccessToId } from '../../ecs/access.ts';
import { dataPlaneError } from '../../ecs/data-plane-errors.ts';
import { keyError } from '../../ecs/key-errors.ts';
import { NO_SPACE, ownDisk, type RotationDependencies } from '../rotation-request.ts';

/**
 * How far a disk is sealed under its data key. `Status`: None (all of it is), Committing (its key is being changed), Waiting
 * (nobody has it open; it goes on by itself), Running, Paused.
 */
export function DescribeDiskReencryption(
  deps: RotationDependencies,
): Action<DescribeDiskReencryptionInput, DescribeDiskReencryptionOutput> {
  return {
    product: 'sealdisk',
    name: 'DescribeDiskReencryption',
    access: ({ input, caller, regionId }) => [
      ecsAccessToId('sealdisk:DescribeDiskReencryption', caller, regionId, 'disk', input.DiskId),
    ],
    run: async ({ input, caller }) => {
      const disk = await ownDisk(deps, input.DiskId, caller.accountId);
      let known;
      try {
        known = await deps.rotations.describe(disk.diskId);
      } catch (error) {
        throw dataPlaneError(keyError(error, 'AttachDisk'), NO_SPACE);
      }
      if (known === undefined) return { DiskId: disk.diskId, Status: 'None' };
      const { row, state } = known;
      const progress = state?.progress;
      const status =
        row.status === 'Committing'
          ? 'Committing'
          : row.paused
            ? 'Paused'
            : progress === undefined
              ? 'Waiting'
              : 'Running';
      return {
        DiskId: disk.diskId,
        Status: status,
        StartedTime: isoSeconds(row.startedMs),
        ...(progress === undefined
          ? {}
          : {
              DoneBytes: progress.bytesDone,
              TotalBytes: progress.bytesTotal,
              RateMiB: progress.bytesPerSecond / MiB,
            }),
      };
    },
  };
}
