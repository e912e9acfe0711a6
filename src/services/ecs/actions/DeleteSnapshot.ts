import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { DeleteSnapshotInput, DeleteSnapshotOutput } from '../../../api/generated/ecs.ts';
import { listDisksFromSnapshot } from '../../../metadata/disks.ts';
import { listImagesOfSnapshot } from '../../../metadata/images.ts';
import { exportsOfSnapshot } from '../../../metadata/snapshot-exports.ts';
import { findSnapshot, type Snapshot } from '../../../metadata/snapshots.ts';
import { ecsAccessToId } from '../access.ts';
import { dataPlaneError } from '../data-plane-errors.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { finishSnapshotRemoval } from '../snapshot-provision.ts';
import { moveSnapshot } from '../status-changes.ts';

type Parts = Pick<EcsDependencies, 'database' | 'dataPlane' | 'log'>;

/**
 * Removes a snapshot; needs no key. An unknown id is a success (facts.md 4.7). One that disks were made from is kept
 * unless `Force` says otherwise: those disks go on, but cannot be put back to it. One that an image is made of stays.
 */
export function DeleteSnapshot(deps: Parts): Action<DeleteSnapshotInput, DeleteSnapshotOutput> {
  return {
    product: 'ecs',
    name: 'DeleteSnapshot',
    access: ({ input, caller, regionId }) => [
      ecsAccessToId('ecs:DeleteSnapshot', caller, regionId, 'snapshot', input.SnapshotId),
    ],
    run: async ({ input, caller }) => {
      const doomed = await markDoomed(deps, input, caller.accountId);
      if (doomed === undefined) return {};
      try {
        await finishSnapshotRemoval(deps, doomed);
      } catch (error) {
        throw dataPlaneError(error, { noSpace: { code: 'Operation.Conflict', httpStatus: 403 } });
      }
      deps.log.info({ snapshotId: doomed.snapshotId, accountId: caller.accountId }, 'snapshot deleted');
      return {};
    },
  };
}

/** Hides the snapshot; undefined when the account has none of that id. */
function markDoomed(
  { database }: Parts,
  { SnapshotId: snapshotId, Force: force }: DeleteSnapshotInput,
  accountId: string,
): Promise<Snapshot | undefined> {
  return database.transact(async (transaction) => {
    const snapshot = await findSnapshot(transaction, snapshotId);
    if (snapshot?.accountId !== accountId) return undefined;
    if (snapshot.status === 'deleting') return snapshot;
    if (snapshot.status === 'progressing') {
      throw new ApiError(
        'IncorrectDiskStatus.CreatingSnapshot',
        400,
        `Snapshot ${snapshotId} is still being taken; delete it when it is done.`,
      );
    }
    const made = (await listDisksFromSnapshot(transaction, snapshotId)).filter(({ status }) => status !== 'Deleting');
    if (made.length > 0 && force !== true) {
      throw new ApiError(
        'SnapshotCreatedDisk',
        403,
        `Disk ${made[0]?.diskId} was made from snapshot ${snapshotId}; set Force=true to delete the snapshot all the same.`,
      );
    }
    // Force does not help here: every later instance of the image would be without its disk (facts.md 4.7).
    const [image] = await listImagesOfSnapshot(transaction, snapshotId);
    if (image !== undefined)
      throw new ApiError(
        'SnapshotCreatedImage',
        403,
        `Image ${image.imageId} is made of snapshot ${snapshotId}; delete the image first.`,
      );
    const [exported] = await exportsOfSnapshot(transaction, snapshotId);
    if (exported !== undefined)
      throw new ApiError(
        'Operation.Conflict',
        403,
        `Snapshot ${snapshotId} is needed by export ${exported.exportId}; unexport that first.`,
      );
    return moveSnapshot(transaction, snapshotId, 'deleting');
  });
}
