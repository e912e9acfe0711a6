import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { ModifySnapshotAttributeInput, ModifySnapshotAttributeOutput } from '../../../api/generated/ecs.ts';
import { findSnapshot, updateSnapshot, type Snapshot } from '../../../metadata/snapshots.ts';
import { ecsAccessToId } from '../access.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { nothingToModify, unknownSnapshot } from '../refusals.ts';
import { regionOfId } from '../regions.ts';
import { checkedDescription, checkedSnapshotName } from '../resource-text.ts';
import { isOver } from '../snapshot-retention.ts';
import { checkedRetentionDays } from '../snapshot-request.ts';

/** Changes the name, the description (empty: none), or how long a snapshot is kept, counted from its creation. */
export function ModifySnapshotAttribute(
  deps: Pick<EcsDependencies, 'database' | 'clock'>,
): Action<ModifySnapshotAttributeInput, ModifySnapshotAttributeOutput> {
  return {
    product: 'ecs',
    name: 'ModifySnapshotAttribute',
    access: ({ input, caller, regionId }) => [
      ecsAccessToId('ecs:ModifySnapshotAttribute', caller, regionId, 'snapshot', input.SnapshotId),
    ],
    run: async ({ input, caller, regionId }) => {
      const changes = checkedChanges(input);
      const { SnapshotId: snapshotId } = input;
      await deps.database.transact(async (transaction) => {
        const snapshot = await findSnapshot(transaction, snapshotId);
        if (snapshot?.accountId !== caller.accountId || snapshot.status === 'deleting')
          throw unknownSnapshot(snapshotId, regionOfId(snapshotId)?.regionId ?? regionId);
        const modifiedMs = deps.clock.nowMs();
        if (changes.retentionDays !== undefined) refuseShorter(snapshot, changes.retentionDays, modifiedMs);
        await updateSnapshot(transaction, snapshotId, { ...changes, modifiedMs });
      });
      return {};
    },
  };
}

interface Changes {
  readonly name?: string;
  readonly description?: string;
  readonly retentionDays?: number;
}

function checkedChanges(input: ModifySnapshotAttributeInput): Changes {
  const { SnapshotName, Description, RetentionDays, DisableInstantAccess } = input;
  const name = checkedSnapshotName(SnapshotName);
  // 404 is this operation's documented status for it.
  const description = checkedDescription(Description, { code: 'InvalidDescription.Malformed', httpStatus: 404 });
  const retentionDays = checkedRetentionDays(RetentionDays);
  const changes = {
    ...(name !== '' && { name }),
    ...(Description !== undefined && { description }),
    ...(retentionDays !== null && { retentionDays }),
  };
  if (Object.keys(changes).length === 0 && DisableInstantAccess === undefined)
    throw nothingToModify('SnapshotName, Description or RetentionDays');
  return changes;
}

/** Source: SDK, ModifySnapshotAttribute, RetentionDays. What is over already would be deleted at once, so it is refused too. */
function refuseShorter(snapshot: Snapshot, retentionDays: number, nowMs: number): void {
  const { snapshotId, retentionDays: former } = snapshot;
  const refusal = (why: string) => new ApiError('InvalidRetentionDays.Malformed', 400, why);
  if (former !== null && retentionDays < former)
    throw refusal(`Snapshot ${snapshotId} is kept for ${former} days; RetentionDays can only be larger.`);
  if (isOver({ ...snapshot, retentionDays }, nowMs))
    throw refusal(`Snapshot ${snapshotId} is older than ${retentionDays} days already; give a longer time.`);
}
