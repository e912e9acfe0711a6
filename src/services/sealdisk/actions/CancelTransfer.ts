import type { Action } from '../../../api/action.ts';
import type { CancelTransferInput, CancelTransferOutput } from '../../../api/generated/sealdisk.ts';
import { transferAccess } from '../transfer-access.ts';
import type { TransferKeeper } from '../transfer-keeper.ts';

/** Ends a transfer and removes what it has received. Needs no key. One that is done is only taken off the list. */
export function CancelTransfer(deps: {
  readonly transfers: TransferKeeper;
}): Action<CancelTransferInput, CancelTransferOutput> {
  return {
    product: 'sealdisk',
    name: 'CancelTransfer',
    access: ({ input, caller, regionId }) => [
      transferAccess('sealdisk:CancelTransfer', caller, regionId, input.TransferId),
    ],
    run: async ({ input, caller }) => {
      await deps.transfers.cancel(input.TransferId, caller.accountId);
      return {};
    },
  };
}
