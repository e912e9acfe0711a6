import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { ScrubDiskInput, ScrubDiskOutput } from '../../../api/generated/sealdisk.ts';
import { isoSeconds } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import { MiB } from '../../../base/units.ts';
import type { DataKey, DataPlane } from '../../../dataplane/data-plane.ts';
import { diskKeyRefusalOf } from '../../../kms/disk-key-rules.ts';
import type { Database } from '../../../metadata/database.ts';
import { findDisk, type Disk } from '../../../metadata/disks.ts';
import { ecsAccessToId } from '../../ecs/access.ts';
import { dataPlaneError } from '../../ecs/data-plane-errors.ts';
import { unknownDisk } from '../../ecs/refusals.ts';
import { dataKeyOfDisk, openDataKey, type DataKeys } from '../../ecs/stored-data-key.ts';

/** Leaves most of a disk's bandwidth to its clients; 1 TiB takes four and a half hours. */
const RATE_MIB_DEFAULT = 64;
const RATE_MIB_MAX = 16_384;

/**
 * Begins to read and verify everything that a disk and its snapshots need, exported or not; DescribeDiskScrub tells how far
 * it is and what it found. When KMS refuses the key of a disk that is not exported, only checksums are compared.
 */
export function ScrubDisk(deps: {
  readonly database: Database;
  readonly dataPlane: DataPlane;
  readonly dataKeys: DataKeys;
  readonly log: Logger;
}): Action<ScrubDiskInput, ScrubDiskOutput> {
  return {
    product: 'sealdisk',
    name: 'ScrubDisk',
    access: ({ input, caller, regionId }) => [
      ecsAccessToId('sealdisk:ScrubDisk', caller, regionId, 'disk', input.DiskId),
    ],
    run: async ({ input, caller }) => {
      const rateMib = input.RateMiB ?? RATE_MIB_DEFAULT;
      if (!Number.isInteger(rateMib) || rateMib < 1 || rateMib > RATE_MIB_MAX)
        throw new ApiError('InvalidParameter.RateMiB', 400, `RateMiB is a whole number from 1 to ${RATE_MIB_MAX}.`);
      const disk = await findDisk(deps.database.read, input.DiskId);
      if (disk?.accountId !== caller.accountId || disk.status === 'Deleting') throw unknownDisk(input.DiskId);
      using dataKey = await keyUnlessRefused(deps, disk);
      const request = { diskId: disk.diskId, rateBytes: rateMib * MiB, dataKey, pin: disk.pin ?? undefined };
      try {
        const { status, startedMs } = await deps.dataPlane.startScrub(request);
        return { DiskId: disk.diskId, Status: status, StartedTime: isoSeconds(startedMs) };
      } catch (error) {
        throw dataPlaneError(error, { noSpace: { code: 'OperationDenied', httpStatus: 403 } });
      }
    },
  };
}

async function keyUnlessRefused(
  { dataKeys, log }: { readonly dataKeys: DataKeys; readonly log: Logger },
  disk: Disk,
): Promise<(DataKey & Disposable) | undefined> {
  try {
    return await openDataKey(dataKeys, dataKeyOfDisk(disk));
  } catch (error) {
    const refusal = diskKeyRefusalOf(error);
    if (refusal === undefined) throw error;
    log.info({ diskId: disk.diskId, refusal }, 'a disk is scrubbed without its key');
    return undefined;
  }
}
