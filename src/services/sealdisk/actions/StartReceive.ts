import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { StartReceiveInput, StartReceiveOutput } from '../../../api/generated/sealdisk.ts';
import type { DataPlane } from '../../../dataplane/data-plane.ts';
import { STREAM_HEADER_BYTES } from '../../../stream/stream-header.ts';
import { ecsAccess, ecsAccessToId } from '../../ecs/access.ts';
import { missing } from '../../ecs/refusals.ts';
import type { TransferKeeper } from '../transfer-keeper.ts';
import { openedView } from '../transfer-view.ts';

/**
 * Takes a stream, of which Header is the first 4 KiB in base64: answers where to write the rest over NBD, and from which
 * byte on. The same header again, or TransferId in its place, goes on where it was. Nothing comes of it before
 * FinishReceive.
 */
export function StartReceive(deps: {
  readonly transfers: TransferKeeper;
  readonly dataPlane: DataPlane;
}): Action<StartReceiveInput, StartReceiveOutput> {
  return {
    product: 'sealdisk',
    name: 'StartReceive',
    access: async ({ input, caller, regionId }) => {
      const changed =
        input.DiskId === undefined
          ? // A disk that the stream finds by itself is asked for by its name all the same.
            await disksToChange(deps.transfers, input, caller.accountId, regionId)
          : [input.DiskId];
      if (changed.length === 0) return [ecsAccess('sealdisk:StartReceive', caller, regionId, 'disk/*')];
      return changed.map((diskId) => ecsAccessToId('sealdisk:StartReceive', caller, regionId, 'disk', diskId));
    },
    run: async ({ input, caller, regionId }) => {
      const opened = await deps.transfers.openReceive({
        accountId: caller.accountId,
        regionId,
        header: await headerOf(deps.transfers, input, caller.accountId),
        passphrase: input.Passphrase,
        diskId: input.DiskId,
        keyId: input.KeyId,
        encrypted: input.Encrypted,
        zoneId: input.ZoneId,
        name: input.DiskName,
      });
      return { ...openedView(opened, deps.dataPlane.nbdAddress), DurableBytes: opened.info.durableBytes };
    },
  };
}

async function disksToChange(
  transfers: TransferKeeper,
  input: StartReceiveInput,
  accountId: string,
  regionId: string,
): Promise<readonly string[]> {
  try {
    return await transfers.disksToChange({ accountId, regionId }, await headerOf(transfers, input, accountId));
  } catch (error) {
    // What is wrong with the parameters is told to those who may make this call.
    if (error instanceof ApiError) return [];
    throw error;
  }
}

async function headerOf(
  transfers: TransferKeeper,
  { Header, TransferId }: StartReceiveInput,
  accountId: string,
): Promise<Uint8Array> {
  if (Header === undefined) {
    if (TransferId === undefined) throw missing('Header', 'give the first 4 KiB of the stream, or TransferId');
    return transfers.headerOf(TransferId, accountId);
  }
  const bytes = Buffer.from(Header, 'base64');
  if (bytes.length === STREAM_HEADER_BYTES) return bytes;
  throw new ApiError(
    'InvalidStream.Malformed',
    400,
    `Header must be the first ${STREAM_HEADER_BYTES} bytes of the stream, in base64.`,
  );
}
