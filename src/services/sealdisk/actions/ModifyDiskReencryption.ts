import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { ModifyDiskReencryptionInput, ModifyDiskReencryptionOutput } from '../../../api/generated/sealdisk.ts';
import { ecsAccessToId } from '../../ecs/access.ts';
import { dataPlaneError } from '../../ecs/data-plane-errors.ts';
import { keyError } from '../../ecs/key-errors.ts';
import { refuseUnlessServed } from '../../ecs/served-disk.ts';
import { checkedRate, NO_SPACE, writableDisk, type RotationDependencies } from '../rotation-request.ts';

/** Lets the sealing anew of a disk rest or go on, across restarts too, or changes how fast it may be. */
export function ModifyDiskReencryption(
  deps: RotationDependencies,
): Action<ModifyDiskReencryptionInput, ModifyDiskReencryptionOutput> {
  return {
    product: 'sealdisk',
    name: 'ModifyDiskReencryption',
    access: ({ input, caller, regionId }) => [
      ecsAccessToId('sealdisk:ModifyDiskReencryption', caller, regionId, 'disk', input.DiskId),
    ],
    run: async ({ input, caller }) => {
      const changes = {
        ...(input.Paused === undefined ? {} : { paused: input.Paused }),
        ...(input.RateMiB === undefined ? {} : { bytesPerSecond: checkedRate(input.RateMiB) }),
      };
      const disk = await writableDisk(deps, input.DiskId, caller.accountId);
      await refuseUnlessServed(deps, disk, NO_SPACE);
      let isRunning: boolean;
      try {
        isRunning = await deps.rotations.configure(disk.diskId, changes);
      } catch (error) {
        throw dataPlaneError(keyError(error, 'AttachDisk'), NO_SPACE);
      }
      if (!isRunning)
        throw new ApiError('IncorrectDiskStatus', 403, `Disk ${disk.diskId} is not being sealed anew; rotate its key.`);
      return {};
    },
  };
}
