import { isKind, messageOf } from '../../base/errors.ts';
import type { DataKey, DataPlane } from '../../dataplane/data-plane.ts';
import type { Logger } from '../../base/log.ts';
import { answerClientToken } from '../../metadata/client-tokens.ts';
import type { Database } from '../../metadata/database.ts';
import { findDisk } from '../../metadata/disks.ts';
import type { Transaction } from '../../metadata/reader.ts';
import { deleteSnapshot, insertSnapshot, type Snapshot } from '../../metadata/snapshots.ts';
import type { RecordedAnswer } from './disk-provision.ts';
import { advancePin } from './pins.ts';
import { moveSnapshot } from './status-changes.ts';

interface Parts {
  readonly database: Database;
  readonly dataPlane: DataPlane;
  readonly log: Logger;
}

/**
 * Takes a snapshot so that a crash at any point leaves all of it or nothing: the row (progressing), the snapshot in the
 * disk's files, then status accomplished, both pins and the recorded answer in one transaction.
 * @param recheck runs in the first transaction and throws if the disk cannot be snapshotted any more.
 */
export async function provisionSnapshot(
  parts: Parts,
  snapshot: Snapshot,
  dataKey: DataKey,
  recheck: (transaction: Transaction) => Promise<void>,
  answer: RecordedAnswer,
): Promise<void> {
  const { database, dataPlane } = parts;
  const { snapshotId, sourceDiskId } = snapshot;
  await database.transact(async (transaction) => {
    await recheck(transaction);
    await insertSnapshot(transaction, snapshot);
  });
  try {
    const before = await findDisk(database.read, sourceDiskId);
    const pin = await dataPlane.createSnapshot(sourceDiskId, snapshotId, dataKey, before?.pin ?? undefined);
    await database.transact(async (transaction) => {
      const disk = await findDisk(transaction, sourceDiskId);
      if (disk !== undefined) await advancePin(transaction, disk, pin);
      await moveSnapshot(transaction, snapshotId, 'accomplished', { progress: 100, pin });
      if (answer.idempotencyKey !== undefined) {
        await answerClientToken(transaction, answer.idempotencyKey, JSON.stringify(answer.output));
      }
    });
  } catch (error) {
    await takeBackSnapshot(parts, snapshot, error);
    throw error;
  }
}

/**
 * Removes a snapshot that never became whole; what cannot be removed now stays hidden until reconcile.ts does.
 * @param why a disk server that did not answer is not waited for a second time (decisions.md H: 503 within 10 s).
 */
async function takeBackSnapshot(parts: Parts, snapshot: Snapshot, why: unknown): Promise<void> {
  const { snapshotId } = snapshot;
  try {
    await parts.database.transact((transaction) => moveSnapshot(transaction, snapshotId, 'deleting'));
    if (isKind(why, 'unavailable')) return;
    await finishSnapshotRemoval(parts, snapshot);
  } catch (error) {
    parts.log.warn(
      { snapshotId, reason: messageOf(error) },
      'an unfinished snapshot could not be removed yet; it will be tried again',
    );
  }
}

/** Removes the files and the row of a snapshot in status deleting. Needs no key (decisions.md C4). */
export async function finishSnapshotRemoval(
  { database, dataPlane }: Pick<Parts, 'database' | 'dataPlane'>,
  { snapshotId, sourceDiskId }: Snapshot,
): Promise<void> {
  await dataPlane.deleteSnapshot(sourceDiskId, snapshotId);
  await database.transact((transaction) => deleteSnapshot(transaction, snapshotId));
}
