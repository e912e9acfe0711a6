import type { Action } from '../../../api/action.ts';
import type { DescribeTransfersInput, DescribeTransfersOutput } from '../../../api/generated/sealdisk.ts';
import { unknownRegion } from '../../ecs/refusals.ts';
import { findRegion } from '../../ecs/regions.ts';
import { transferAccess } from '../transfer-access.ts';
import type { TransferKeeper } from '../transfer-keeper.ts';
import { transferView } from '../transfer-view.ts';

/** The transfers of the caller's account in one region, oldest first, never with a secret. */
export function DescribeTransfers(deps: {
  readonly transfers: TransferKeeper;
}): Action<DescribeTransfersInput, DescribeTransfersOutput> {
  return {
    product: 'sealdisk',
    name: 'DescribeTransfers',
    access: ({ caller, regionId }) => [transferAccess('sealdisk:DescribeTransfers', caller, regionId, '*')],
    run: async ({ input, caller, regionId }) => {
      if (findRegion(regionId) === undefined) throw unknownRegion(regionId);
      const listed = await deps.transfers.list({ accountId: caller.accountId, regionId });
      const wanted = listed.filter(({ row }) => (input.TransferId ?? row.transferId) === row.transferId);
      return { Transfers: { Transfer: wanted.map(transferView) } };
    },
  };
}
