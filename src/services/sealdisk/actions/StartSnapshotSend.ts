import type { Action } from '../../../api/action.ts';
import type { StartSnapshotSendInput, StartSnapshotSendOutput } from '../../../api/generated/sealdisk.ts';
import type { DataPlane } from '../../../dataplane/data-plane.ts';
import { ecsAccessToId } from '../../ecs/access.ts';
import type { TransferKeeper } from '../transfer-keeper.ts';
import { openedView } from '../transfer-view.ts';

/**
 * Offers a snapshot, or with BaseSnapshotId what changed since an earlier one, as a stream to read over NBD. With
 * TransferId it offers the same bytes again. The key of the stream is wrapped by KeyId, else by the key of the disk, or
 * by Passphrase. Key errors are those of CreateSnapshot for the disk's key, and those of CreateDisk for the stream's.
 */
export function StartSnapshotSend(deps: {
  readonly transfers: TransferKeeper;
  readonly dataPlane: DataPlane;
}): Action<StartSnapshotSendInput, StartSnapshotSendOutput> {
  return {
    product: 'sealdisk',
    name: 'StartSnapshotSend',
    access: ({ input, caller, regionId }) => [
      ecsAccessToId('sealdisk:StartSnapshotSend', caller, regionId, 'snapshot', input.SnapshotId),
      ...(input.BaseSnapshotId === undefined
        ? []
        : [ecsAccessToId('sealdisk:StartSnapshotSend', caller, regionId, 'snapshot', input.BaseSnapshotId)]),
    ],
    run: async ({ input, caller, regionId }) => {
      const opened = await deps.transfers.openSend({
        accountId: caller.accountId,
        regionId,
        snapshotId: input.SnapshotId,
        baseSnapshotId: input.BaseSnapshotId,
        keyId: input.KeyId,
        passphrase: input.Passphrase,
        transferId: input.TransferId,
      });
      return openedView(opened, deps.dataPlane.nbdAddress);
    },
  };
}
