import type { Action } from '../../../api/action.ts';
import type { DescribeDiskExportsInput, DescribeDiskExportsOutput } from '../../../api/generated/sealdisk.ts';
import type { DataPlane } from '../../../dataplane/data-plane.ts';
import { checkedIdList } from '../../ecs/query-filters.ts';
import { unknownRegion } from '../../ecs/refusals.ts';
import { findRegion } from '../../ecs/regions.ts';
import type { ExportKeeper } from '../export-keeper.ts';
import { isOfSnapshot } from '../export-rows.ts';
import { exportView } from '../export-view.ts';

/** The exports of disks and snapshots of the caller's account in one region, oldest first, never with a secret. */
export function DescribeDiskExports(deps: {
  readonly exports: ExportKeeper;
  readonly dataPlane: DataPlane;
}): Action<DescribeDiskExportsInput, DescribeDiskExportsOutput> {
  return {
    product: 'sealdisk',
    name: 'DescribeDiskExports',
    access: ({ caller, regionId }) => [
      {
        action: 'sealdisk:DescribeDiskExports',
        resource: `acs:sealdisk:${regionId}:${caller.accountId}:export/*`,
      },
    ],
    run: async ({ input, caller, regionId }) => {
      const ids = checkedIdList('DiskIds', input.DiskIds, {
        malformed: { code: 'InvalidParameter.DiskIds', httpStatus: 400 },
        tooMany: { code: 'InvalidDiskIds.Malformed', httpStatus: 400 },
      });
      if (findRegion(regionId) === undefined) throw unknownRegion(regionId);
      const exports = await deps.exports.list({ accountId: caller.accountId, regionId });
      const wanted = exports.filter(
        ({ row }) =>
          (ids === undefined || ids.includes(row.diskId)) &&
          (input.DiskId === undefined || input.DiskId === row.diskId) &&
          (input.SnapshotId === undefined || (isOfSnapshot(row) && input.SnapshotId === row.snapshotId)) &&
          (input.ExportId === undefined || input.ExportId === row.exportId),
      );
      return { Exports: { Export: wanted.map((listed) => exportView(listed, deps.dataPlane.nbdAddress)) } };
    },
  };
}
