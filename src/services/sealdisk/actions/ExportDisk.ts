import type { Action } from '../../../api/action.ts';
import type { ExportDiskInput, ExportDiskOutput } from '../../../api/generated/sealdisk.ts';
import type { Logger } from '../../../base/log.ts';
import type { DataPlane } from '../../../dataplane/data-plane.ts';
import { ecsAccessToId } from '../../ecs/access.ts';
import type { ExportKeeper } from '../export-keeper.ts';
import { openedAnswer } from '../opened-answer.ts';

/**
 * Opens a disk for NBD clients and tells the secret of the export, this once. The disk is In_use until UnexportDisk.
 * `Adopt` accepts a disk that was left open on another machine or in another directory.
 * `Salvage` opens a disk whose flushed log is damaged, for reading, as it was before the damage; `Lost` says what is not there.
 * Key errors are those of AttachDisk (decisions.md H, "Exports and disk states").
 */
export function ExportDisk(deps: {
  readonly exports: ExportKeeper;
  readonly dataPlane: DataPlane;
  readonly log: Logger;
}): Action<ExportDiskInput, ExportDiskOutput> {
  return {
    product: 'sealdisk',
    name: 'ExportDisk',
    access: ({ input, caller, regionId }) => [
      ecsAccessToId('sealdisk:ExportDisk', caller, regionId, 'disk', input.DiskId),
    ],
    run: async ({ input, caller }) => {
      const request = {
        diskId: input.DiskId,
        accountId: caller.accountId,
        // What is salvaged is only read.
        readOnly: input.ReadOnly === true || input.Salvage === true,
        salvage: input.Salvage === true,
        adopt: input.Adopt === true,
      };
      const { row, answer } = await openedAnswer(deps.exports.open(request), deps.dataPlane.nbdAddress);
      deps.log.info({ exportId: row.exportId, diskId: row.diskId, accountId: row.accountId }, 'disk exported');
      return answer;
    },
  };
}
