import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { RewrapDiskDataKeyInput, RewrapDiskDataKeyOutput } from '../../../api/generated/sealdisk.ts';
import { ecsAccessToId } from '../../ecs/access.ts';
import { dataPlaneError } from '../../ecs/data-plane-errors.ts';
import { keyError } from '../../ecs/key-errors.ts';
import { refuseUnlessServed } from '../../ecs/served-disk.ts';
import { NO_SPACE, writableDisk, type RotationDependencies } from '../rotation-request.ts';

/** Wraps a disk's data key anew, under the newest version of its KMS key. No data is written anew: it takes milliseconds. */
export function RewrapDiskDataKey(deps: RotationDependencies): Action<RewrapDiskDataKeyInput, RewrapDiskDataKeyOutput> {
  return {
    product: 'sealdisk',
    name: 'RewrapDiskDataKey',
    access: ({ input, caller, regionId }) => [
      ecsAccessToId('sealdisk:RewrapDiskDataKey', caller, regionId, 'disk', input.DiskId),
    ],
    run: async ({ input, caller }) => {
      const disk = await writableDisk(deps, input.DiskId, caller.accountId);
      if (disk.wrappedBy !== 'kms')
        throw new ApiError(
          'OperationDenied.NotEncrypted',
          403,
          `Disk ${disk.diskId} is not encrypted; RotateDiskDataKey encrypts it.`,
        );
      await refuseUnlessServed(deps, disk, NO_SPACE);
      try {
        return { DiskId: disk.diskId, KMSKeyId: await deps.rotations.rewrap(disk.diskId) };
      } catch (error) {
        throw dataPlaneError(keyError(error, 'AttachDisk'), NO_SPACE);
      }
    },
  };
}
