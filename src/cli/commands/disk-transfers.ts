import type { Output } from '../output.ts';
import { dataDirectoryOf } from '../server-location.ts';
import { callSealdisk } from '../signed-call.ts';

interface Transfer {
  readonly TransferId: string;
  readonly Kind: string;
  readonly Status: string;
  readonly SnapshotId: string;
  readonly DiskId: string;
  readonly StreamBytes: number;
  readonly DurableBytes: number;
  readonly ErrorMessage: string;
}

/** Lists what is being sent and received. */
export async function diskTransfers(options: { readonly dataDir?: string }, output: Output): Promise<void> {
  const answer = await callSealdisk<{ readonly Transfers: { readonly Transfer: readonly Transfer[] } }>(
    dataDirectoryOf(options),
    'DescribeTransfers',
    {},
  );
  const transfers = answer.Transfers.Transfer;
  output.result(
    answer,
    transfers.length === 0
      ? ['nothing is being sent or received']
      : transfers.map((transfer) => {
          const what = transfer.Kind === 'Send' ? transfer.SnapshotId : transfer.DiskId || 'a new disk';
          const bytes = transfer.Kind === 'Send' ? '' : `${transfer.DurableBytes} of `;
          const why = transfer.ErrorMessage === '' ? '' : `   ${transfer.ErrorMessage}`;
          return `${transfer.TransferId}   ${transfer.Kind.toLowerCase()} ${what}   ${transfer.Status}   ${bytes}${transfer.StreamBytes} bytes${why}`;
        }),
  );
}

/** Ends a transfer and removes what it received. */
export async function cancelTransfer(
  transferId: string,
  options: { readonly dataDir?: string },
  output: Output,
): Promise<void> {
  await callSealdisk(dataDirectoryOf(options), 'CancelTransfer', { TransferId: transferId });
  output.result({ TransferId: transferId }, [`${transferId} is cancelled`]);
}
