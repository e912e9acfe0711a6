import type { Action } from '../../../api/action.ts';
import type { CreateSnapshotInput, CreateSnapshotOutput } from '../../../api/generated/ecs.ts';
import { ecsAccess, ecsAccessToId } from '../access.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { regionOfId } from '../regions.ts';
import { checkedSnapshotRequest } from '../snapshot-request.ts';
import { mintSnapshotId, openForSnapshot, takeSnapshot } from '../snapshots/snapshot-taking.ts';

type Parts = Pick<EcsDependencies, 'database' | 'dataPlane' | 'dataKeys' | 'clock' | 'random' | 'log'>;

const NO_SPACE = { noSpace: { code: 'CreateSnapshot.Failed', httpStatus: 403 } };

/**
 * Freezes a disk as it is now, open or closed, under the disk's own data key (facts.md 4.1). Needs the disk's KMS key
 * to be usable (decisions.md C1).
 */
export function CreateSnapshot(deps: Parts): Action<CreateSnapshotInput, CreateSnapshotOutput> {
  return {
    product: 'ecs',
    name: 'CreateSnapshot',
    access: ({ input, caller, regionId }) => [
      ecsAccessToId('ecs:CreateSnapshot', caller, regionId, 'disk', input.DiskId),
      ecsAccess('ecs:CreateSnapshot', caller, regionOfId(input.DiskId)?.regionId ?? regionId, 'snapshot/*'),
    ],
    run: async ({ input, caller: { accountId }, idempotencyKey }) => {
      const request = checkedSnapshotRequest(input);
      const refusals = NO_SPACE;
      using source = await openForSnapshot(deps, input.DiskId, { accountId, use: 'CreateSnapshot', refusals });
      const snapshotId = mintSnapshotId(deps, source.disk);
      const answer = { idempotencyKey, output: { SnapshotId: snapshotId } };
      await takeSnapshot(deps, source, request, { snapshotId, answer, refusals });
      return { SnapshotId: snapshotId };
    },
  };
}
