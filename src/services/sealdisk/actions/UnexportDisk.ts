import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { UnexportDiskInput, UnexportDiskOutput } from '../../../api/generated/sealdisk.ts';
import { isKind, messageOf, SystemError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { dataPlaneError } from '../../ecs/data-plane-errors.ts';
import { regionOfId } from '../../ecs/regions.ts';
import type { ExportKeeper } from '../export-keeper.ts';

/**
 * Drains, flushes and closes an export; its data key is forgotten and the disk becomes Available. Needs no key.
 * A failed flush keeps the export and says so; `Force` drops it (decisions.md H, "Unexport").
 */
export function UnexportDisk(deps: {
  readonly exports: ExportKeeper;
  readonly log: Logger;
}): Action<UnexportDiskInput, UnexportDiskOutput> {
  return {
    product: 'sealdisk',
    name: 'UnexportDisk',
    access: ({ input, caller, regionId }) => {
      const region = regionOfId(input.ExportId)?.regionId ?? regionId;
      const resource = `acs:sealdisk:${region}:${caller.accountId}:export/${input.ExportId}`;
      return [{ action: 'sealdisk:UnexportDisk', resource }];
    },
    run: async ({ input, caller }) => {
      const exportId = input.ExportId;
      const force = input.Force === true;
      let closed;
      try {
        closed = await deps.exports.close(exportId, { accountId: caller.accountId, force });
      } catch (error) {
        throw closingError(error, exportId);
      }
      deps.log.info({ exportId, diskId: closed.diskId, accountId: caller.accountId, force }, 'disk unexported');
      return {};
    },
  };
}

/** Anything but an unreachable disk server means that the last writes could not be made durable. */
function closingError(error: unknown, exportId: string): unknown {
  if (!(error instanceof SystemError) || isKind(error, 'unavailable')) {
    return dataPlaneError(error, { noSpace: { code: 'ExportFlushFailed', httpStatus: 409 } });
  }
  return new ApiError(
    'ExportFlushFailed',
    409,
    `Export ${exportId} stays, because its last writes could not be made durable (${messageOf(error)}); put that right and try again, or set Force=true to give those writes up.`,
    { cause: error },
  );
}
