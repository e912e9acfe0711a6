import type { DataPlane } from '../../dataplane/data-plane.ts';
import type { Logger } from '../../base/log.ts';
import type { Database } from '../../metadata/database.ts';
import { listImagesOfSnapshot } from '../../metadata/images.ts';
import { exportsOfSnapshot } from '../../metadata/snapshot-exports.ts';
import { listSnapshotsByStatus, type Snapshot } from '../../metadata/snapshots.ts';
import { finishRemovals } from './reconcile.ts';
import { moveSnapshot } from './status-changes.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Whether the time that it is kept for, counted from its creation, has passed. */
export function isOver(snapshot: Pick<Snapshot, 'retentionDays' | 'createdMs'>, nowMs: number): boolean {
  const { retentionDays, createdMs } = snapshot;
  return retentionDays !== null && createdMs + retentionDays * DAY_MS <= nowMs;
}

/** Deletes the snapshots whose RetentionDays are over (facts.md 4.4). Disks made from them go on. Answers how many. */
export async function deleteExpiredSnapshots(
  parts: { readonly database: Database; readonly dataPlane: DataPlane; readonly log: Logger },
  nowMs: number,
): Promise<number> {
  const expired = await parts.database.transact(async (transaction) => {
    const over = (await listSnapshotsByStatus(transaction, 'accomplished')).filter((one) => isOver(one, nowMs));
    const doomed = [];
    for (const snapshot of over) {
      // One that is being read, or that an image is made of, stays until it is not.
      if ((await listImagesOfSnapshot(transaction, snapshot.snapshotId)).length > 0) continue;
      if ((await exportsOfSnapshot(transaction, snapshot.snapshotId)).length > 0) continue;
      await moveSnapshot(transaction, snapshot.snapshotId, 'deleting');
      doomed.push(snapshot);
    }
    return doomed;
  });
  for (const { snapshotId } of expired) parts.log.info({ snapshotId }, 'snapshot expired');
  if (expired.length > 0) await finishRemovals(parts);
  return expired.length;
}
