import type { Action } from '../../../api/action.ts';
import type { ExportSnapshotInput, ExportSnapshotOutput } from '../../../api/generated/sealdisk.ts';
import type { Logger } from '../../../base/log.ts';
import type { DataPlane } from '../../../dataplane/data-plane.ts';
import { ecsAccessToId } from '../../ecs/access.ts';
import { dataPlaneError } from '../../ecs/data-plane-errors.ts';
import { keyError } from '../../ecs/key-errors.ts';
import type { ExportKeeper } from '../export-keeper.ts';
import { exportView } from '../export-view.ts';

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
      let opened;
      try {
        opened = await deps.exports.openSnapshot({
          snapshotId: input.SnapshotId,
          baseSnapshotId: input.BaseSnapshotId,
          accountId: caller.accountId,
          regionId,
        });
      } catch (error) {
        throw dataPlaneError(keyError(error, 'AttachDisk'), {
          noSpace: { code: 'OperationDenied', httpStatus: 403 },
        });
      }
      const { row, info, psk } = opened;
      const { Status: _served, ...answer } = exportView({ row, info, status: 'Serving' }, deps.dataPlane.nbdAddress);
      const secret = psk.toHex();
      psk.fill(0);
      const { exportId, snapshotId, accountId } = row;
      deps.log.info({ exportId, snapshotId, accountId }, 'snapshot exported');
      return { ...answer, Psk: secret };
    },
  };
}
