import type { Action } from '../../../api/action.ts';
import type { DeleteDiskInput, DeleteDiskOutput } from '../../../api/generated/ecs.ts';
import { findDisk } from '../../../metadata/disks.ts';
import { ecsAccessToId } from '../access.ts';
import { dataPlaneError } from '../data-plane-errors.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { removeDisk } from '../disk-removal.ts';

/** Removes a disk. An unknown id is a success, whoever may own it elsewhere (facts.md 3.4). */
export function DeleteDisk(
  deps: Pick<EcsDependencies, 'database' | 'dataPlane' | 'log'>,
): Action<DeleteDiskInput, DeleteDiskOutput> {
  return {
    product: 'ecs',
    name: 'DeleteDisk',
    access: ({ input, caller, regionId }) => [ecsAccessToId('ecs:DeleteDisk', caller, regionId, 'disk', input.DiskId)],
    run: async ({ input, caller }) => {
      const disk = await findDisk(deps.database.read, input.DiskId);
      if (disk?.accountId !== caller.accountId) return {};
      try {
        await removeDisk(deps, disk.diskId);
      } catch (error) {
        throw dataPlaneError(error, { noSpace: { code: 'OperationDenied', httpStatus: 403 } });
      }
      deps.log.info({ diskId: disk.diskId, accountId: caller.accountId }, 'disk deleted');
      return {};
    },
  };
}
