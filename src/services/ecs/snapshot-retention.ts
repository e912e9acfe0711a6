import type { DataPlane } from '../../dataplane/data-plane.ts';
import type { Logger } from '../../base/log.ts';
import type { Database } from '../../metadata/database.ts';
import { listSnapshotsByStatus } from '../../metadata/snapshots.ts';
import { finishRemovals } from './reconcile.ts';
import { moveSnapshot } from './status-changes.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Deletes the snapshots whose RetentionDays are over (facts.md 4.4). Disks made from them go on. Answers how many. */
export async function deleteExpiredSnapshots(
  parts: { readonly database: Database; readonly dataPlane: DataPlane; readonly log: Logger },
  nowMs: number,
): Promise<number> {
  const expired = await parts.database.transact(async (transaction) => {
    const over = (await listSnapshotsByStatus(transaction, 'accomplished')).filter(
      ({ retentionDays, createdMs }) => retentionDays !== null && createdMs + retentionDays * DAY_MS <= nowMs,
    );
    for (const { snapshotId } of over) await moveSnapshot(transaction, snapshotId, 'deleting');
    return over;
  });
  for (const { snapshotId } of expired) parts.log.info({ snapshotId }, 'snapshot expired');
  if (expired.length > 0) await finishRemovals(parts);
  return expired.length;
}
