import type { Action } from '../../../api/action.ts';
import type { ExportSnapshotInput, ExportSnapshotOutput } from '../../../api/generated/sealdisk.ts';
import type { Logger } from '../../../base/log.ts';
import type { DataPlane } from '../../../dataplane/data-plane.ts';
import { ecsAccessToId } from '../../ecs/access.ts';
import type { ExportKeeper } from '../export-keeper.ts';
import { openedAnswer } from '../opened-answer.ts';

/**
 * Opens a snapshot for NBD clients, for reading, and tells the secret of the export, this once. Its disk goes on as it is,
 * deleted or in use. With `BaseSnapshotId`, what differs from that snapshot is the bitmap `qemu:dirty-bitmap:<its id>`.
 * Neither snapshot can be deleted until UnexportDisk. Key errors are those of ExportDisk.
 */
export function ExportSnapshot(deps: {
  readonly exports: ExportKeeper;
  readonly dataPlane: DataPlane;
  readonly log: Logger;
}): Action<ExportSnapshotInput, ExportSnapshotOutput> {
  return {
    product: 'sealdisk',
    name: 'ExportSnapshot',
    access: ({ input, caller, regionId }) =>
      [input.SnapshotId, input.BaseSnapshotId].flatMap((snapshotId) =>
        snapshotId === undefined
          ? []
          : [ecsAccessToId('sealdisk:ExportSnapshot', caller, regionId, 'snapshot', snapshotId)],
      ),
    run: async ({ input, caller, regionId }) => {
      const opening = deps.exports.openSnapshot({
        snapshotId: input.SnapshotId,
        baseSnapshotId: input.BaseSnapshotId,
        accountId: caller.accountId,
        regionId,
      });
      const { row, answer } = await openedAnswer(opening, deps.dataPlane.nbdAddress);
      const { exportId, snapshotId, accountId } = row;
      deps.log.info({ exportId, snapshotId, accountId }, 'snapshot exported');
      return answer;
    },
  };
}
