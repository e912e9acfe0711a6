import type { Action } from '../../../api/action.ts';
import type { FinishReceiveInput, FinishReceiveOutput } from '../../../api/generated/sealdisk.ts';
import { transferAccess } from '../transfer-access.ts';
import type { TransferKeeper } from '../transfer-keeper.ts';
import { transferView } from '../transfer-view.ts';

/**
 * Begins to verify a stream that has arrived, and to make a disk of it or apply it to its disk; DescribeTransfers tells
 * how far it is. Status Done: the disk is Available and has a snapshot of what was received. Safe to ask again.
 */
export function FinishReceive(deps: {
  readonly transfers: TransferKeeper;
}): Action<FinishReceiveInput, FinishReceiveOutput> {
  return {
    product: 'sealdisk',
    name: 'FinishReceive',
    access: ({ input, caller, regionId }) => [
      transferAccess('sealdisk:FinishReceive', caller, regionId, input.TransferId),
    ],
    run: async ({ input, caller }) =>
      transferView(await deps.transfers.finish(input.TransferId, caller.accountId, input.Passphrase)),
  };
}
