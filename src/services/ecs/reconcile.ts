import type { DataPlane } from '../../dataplane/data-plane.ts';
import type { Logger } from '../../base/log.ts';
import { messageOf } from '../../base/errors.ts';
import type { Database } from '../../metadata/database.ts';
import { listDisksByStatus } from '../../metadata/disks.ts';
import { listSnapshotsByStatus } from '../../metadata/snapshots.ts';
import { listTransfers } from '../../metadata/transfers.ts';
import { snapshotsBeingCopied, takeBackImages } from './images/taken-back-images.ts';
import { finishDiskRemoval } from './disk-removal.ts';
import { finishSnapshotRemoval } from './snapshot-provision.ts';
import { moveDisk, moveSnapshot } from './status-changes.ts';

interface Parts {
  readonly database: Database;
  readonly dataPlane: DataPlane;
  readonly log: Logger;
}

/** How many half-done operations were put right, and how many have to wait. */
export interface Reconciled {
  readonly settled: number;
  readonly left: number;
}

/**
 * Takes back creations that a crash cut short: nobody was told of them. They become removals, which `finishRemovals`
 * ends. Only at start, before operations run: one that is running looks the same.
 */
export async function takeBackCreations({ database }: Pick<Parts, 'database'>): Promise<void> {
  await database.transact(async (transaction) => {
    // A disk that is being received goes on in the disk server, or is taken back by its transfer.
    const received = new Set((await listTransfers(transaction, { status: 'Applying' })).map(({ diskId }) => diskId));
    for (const { diskId } of await listDisksByStatus(transaction, 'Creating')) {
      if (received.has(diskId)) continue;
      await moveDisk(transaction, diskId, 'Deleting');
    }
    await takeBackImages(transaction);
    const copied = await snapshotsBeingCopied(transaction);
    for (const { snapshotId } of await listSnapshotsByStatus(transaction, 'progressing')) {
      if (copied.has(snapshotId)) continue;
      await moveSnapshot(transaction, snapshotId, 'deleting');
    }
  });
}

/**
 * Finishes removals that a crash or a lost disk server left half done. Needs the disk server. Safe at any time, and
 * again; one that fails does not keep the others waiting.
 */
export async function finishRemovals(parts: Parts): Promise<Reconciled> {
  const { database, log } = parts;
  let settled = 0;
  let left = 0;
  const attempt = async (what: object, finish: () => Promise<void>): Promise<void> => {
    try {
      await finish();
      settled += 1;
    } catch (error) {
      left += 1;
      log.warn({ ...what, reason: messageOf(error) }, 'a removal could not be finished yet; it will be tried again');
    }
  };
  for (const { diskId } of await listDisksByStatus(database.read, 'Deleting')) {
    await attempt({ diskId }, () => finishDiskRemoval(parts, diskId));
  }
  for (const snapshot of await listSnapshotsByStatus(database.read, 'deleting')) {
    await attempt({ snapshotId: snapshot.snapshotId }, () => finishSnapshotRemoval(parts, snapshot));
  }
  return { settled, left };
}
