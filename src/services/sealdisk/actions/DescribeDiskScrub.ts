import type { Action } from '../../../api/action.ts';
import type { DescribeDiskScrubInput, DescribeDiskScrubOutput } from '../../../api/generated/sealdisk.ts';
import { isoSeconds } from '../../../base/clock.ts';
import type { DataPlane, ScrubReport, ScrubState } from '../../../dataplane/data-plane.ts';
import type { Database } from '../../../metadata/database.ts';
import { findDisk } from '../../../metadata/disks.ts';
import { ecsAccessToId } from '../../ecs/access.ts';
import { dataPlaneError } from '../../ecs/data-plane-errors.ts';
import { unknownDisk } from '../../ecs/refusals.ts';

/** An answer stays below a megabyte. */
const DAMAGES_TOLD_MAX = 200;

/** How far the scrub of a disk is, or what the last one found. Status `None`: the disk server knows of none. */
export function DescribeDiskScrub(deps: {
  readonly database: Database;
  readonly dataPlane: DataPlane;
}): Action<DescribeDiskScrubInput, DescribeDiskScrubOutput> {
  return {
    product: 'sealdisk',
    name: 'DescribeDiskScrub',
    access: ({ input, caller, regionId }) => [
      ecsAccessToId('sealdisk:DescribeDiskScrub', caller, regionId, 'disk', input.DiskId),
    ],
    run: async ({ input, caller }) => {
      const disk = await findDisk(deps.database.read, input.DiskId);
      if (disk?.accountId !== caller.accountId || disk.status === 'Deleting') throw unknownDisk(input.DiskId);
      try {
        return { DiskId: disk.diskId, ...view(await deps.dataPlane.describeScrub(disk.diskId)) };
      } catch (error) {
        throw dataPlaneError(error, { noSpace: { code: 'OperationDenied', httpStatus: 403 } });
      }
    },
  };
}

function view(scrub: ScrubState | undefined): Omit<DescribeDiskScrubOutput, 'DiskId'> {
  if (scrub === undefined) return { Status: 'None' };
  const { status, startedMs, endedMs, progress, report, reason } = scrub;
  return {
    Status: status,
    StartedTime: isoSeconds(startedMs),
    SlotsDone: progress.slotsDone,
    SlotsTotal: progress.slotsTotal,
    DamageCount: report?.damageCount ?? progress.damageCount,
    ...(endedMs === undefined ? {} : { EndedTime: isoSeconds(endedMs) }),
    ...(reason === undefined ? {} : { Reason: reason }),
    ...(report === undefined ? {} : { WithKey: report.withKey, Damages: { Damage: damagesOf(report) } }),
  };
}

function damagesOf({ damages }: ScrubReport) {
  return damages.slice(0, DAMAGES_TOLD_MAX).map(({ cause, file, message, segment, slot, costs }) => ({
    Cause: cause,
    File: file,
    Message: message,
    ...(segment === undefined ? {} : { Segment: segment }),
    ...(slot === undefined ? {} : { Slot: slot }),
    Losses: {
      Loss: costs.map(({ snapshotId, firstBlock, blockCount }) => ({
        FirstBlock: firstBlock,
        BlockCount: blockCount,
        ...(snapshotId === '' ? {} : { SnapshotId: snapshotId }),
      })),
    },
  }));
}
