import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { RotateDiskDataKeyInput, RotateDiskDataKeyOutput } from '../../../api/generated/sealdisk.ts';
import { isoSeconds } from '../../../base/clock.ts';
import { findSnapshotExportsOfDisk } from '../../../metadata/snapshot-exports.ts';
import { ecsAccessToId } from '../../ecs/access.ts';
import { dataPlaneError } from '../../ecs/data-plane-errors.ts';
import { keyError } from '../../ecs/key-errors.ts';
import { refuseUnlessServed } from '../../ecs/served-disk.ts';
import { checkedRate, NO_SPACE, writableDisk, type RotationDependencies } from '../rotation-request.ts';

/**
 * Gives a disk another data key, in use or not: under its KMS key, or another one; a disk that was not encrypted becomes
 * so, under the key of default encryption or the service key unless one is named, and an AES disk that gets an SM4 key becomes an SM4 disk. The same holds for its snapshots from then on. What is
 * written after the answer is under the new key; DescribeDiskReencryption tells how far the rest is.
 */
export function RotateDiskDataKey(deps: RotationDependencies): Action<RotateDiskDataKeyInput, RotateDiskDataKeyOutput> {
  return {
    product: 'sealdisk',
    name: 'RotateDiskDataKey',
    access: ({ input, caller, regionId }) => [
      ecsAccessToId('sealdisk:RotateDiskDataKey', caller, regionId, 'disk', input.DiskId),
    ],
    run: async ({ input, caller }) => {
      const bytesPerSecond = checkedRate(input.RateMiB);
      const disk = await writableDisk(deps, input.DiskId, caller.accountId);
      const [served] = await findSnapshotExportsOfDisk(deps.database.read, disk.diskId);
      if (served !== undefined)
        throw new ApiError(
          'IncorrectDiskStatus',
          403,
          `Snapshot ${served.snapshotId} of disk ${disk.diskId} is exported as ${served.exportId}; unexport it first.`,
        );
      await refuseUnlessServed(deps, disk, NO_SPACE);
      try {
        const { kmsKeyId, suite, startedMs } = await deps.rotations.rotate({
          disk,
          keyId: input.KMSKeyId,
          bytesPerSecond,
        });
        return {
          DiskId: disk.diskId,
          KMSKeyId: kmsKeyId ?? '',
          EncryptAlgorithm: suite === 'sm4-gcm' ? 'SM4-128' : 'AES-256',
          StartedTime: isoSeconds(startedMs),
        };
      } catch (error) {
        throw dataPlaneError(keyError(error, 'CreateDisk'), NO_SPACE);
      }
    },
  };
}
