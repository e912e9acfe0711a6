import { assert } from '../../base/assert.ts';
import { isKind, messageOf } from '../../base/errors.ts';
import { GiB } from '../../base/units.ts';
import { answerClientToken } from '../../metadata/client-tokens.ts';
import { deleteDisk, findDisk, insertDisk, type Disk } from '../../metadata/disks.ts';
import { findSnapshot, type Snapshot } from '../../metadata/snapshots.ts';
import type { Pin } from '../../dataplane/data-plane.ts';
import type { DataKey } from '../../dataplane/data-plane.ts';
import type { EcsDependencies } from './dependencies.ts';
import { unknownSnapshot } from './refusals.ts';
import { advancePin } from './pins.ts';
import { dataKeyOfSnapshot, openDataKey } from './stored-data-key.ts';
import { moveDisk } from './status-changes.ts';

type Parts = Pick<EcsDependencies, 'database' | 'dataPlane' | 'dataKeys' | 'rotations' | 'log'>;

/** The answer to record with the finished disk, so that a repeated request gets the same one. */
export interface RecordedAnswer {
  readonly idempotencyKey: string | undefined;
  readonly output: object;
}

/**
 * Makes a disk so that a crash at any point leaves all of it or nothing:
 *
 * 1. the row, in status Creating (reconcile.ts undoes it if nothing follows);
 * 2. the disk's files;
 * 3. status Available, the pin, and the recorded answer, in one transaction.
 *
 * A failure takes back what was done. An encrypted disk from a plain snapshot, or one from
 * another account's image, has its share of the data sealed anew from
 * then on (decisions.md C13): what is written to it is under its own key at once, what it took over in the background.
 * @param disk in status Creating.
 * @throws {SystemError} of the disk server; {ApiError} InvalidSnapshotId.NotFound: the snapshot was deleted meanwhile.
 */
export async function provisionDisk(
  parts: Parts,
  disk: Disk,
  dataKey: DataKey,
  source: Snapshot | undefined,
  answer: RecordedAnswer,
): Promise<void> {
  const { database, dataPlane, dataKeys } = parts;
  const isReceived = source !== undefined && source.accountId !== disk.accountId;
  // Else the owner of a shared image would be told of the receiver's disk, and the receiver of the snapshot.
  assert(!isReceived || disk.sourceSnapshotId === null, 'no disk names a snapshot of another account');
  await database.transact(async (transaction) => {
    if (source !== undefined) {
      const current = await findSnapshot(transaction, source.snapshotId);
      if (current?.status !== 'accomplished') throw unknownSnapshot(source.snapshotId, source.regionId);
    }
    await insertDisk(transaction, disk);
  });
  const independent = source !== undefined && disk.encrypted && (!source.encrypted || isReceived);
  try {
    const identity = {
      diskId: disk.diskId,
      sizeBytes: disk.sizeGib * GiB,
      encrypted: disk.encrypted,
      wrappedKey: disk.wrappedKey,
    };
    let pin;
    if (source === undefined) {
      pin = await dataPlane.createDisk(identity, dataKey);
    } else {
      using sourceKey = await openDataKey(dataKeys, dataKeyOfSnapshot(source), disk.accountId);
      const { sourceDiskId: diskId, snapshotId } = source;
      pin = await dataPlane.cloneDisk(
        { diskId, snapshotId, dataKey: sourceKey, pin: await pinOfSource(parts, source) },
        identity,
        dataKey,
        { independent },
      );
    }
    await database.transact(async (transaction) => {
      if (independent) await parts.rotations.begin(transaction, disk);
      await advancePin(transaction, disk, pin);
      await moveDisk(transaction, disk.diskId, 'Available');
      if (answer.idempotencyKey !== undefined) {
        await answerClientToken(transaction, answer.idempotencyKey, JSON.stringify(answer.output));
      }
    });
  } catch (error) {
    await takeBackDisk(parts, disk.diskId, error);
    throw error;
  }
}

/** What the files that hold the snapshot must have reached: the living disk knows more than the snapshot. */
export async function pinOfSource({ database }: Pick<Parts, 'database'>, source: Snapshot): Promise<Pin | undefined> {
  const disk = await findDisk(database.read, source.sourceDiskId);
  return (disk?.status === 'Deleting' ? undefined : disk?.pin) ?? source.pin ?? undefined;
}

/**
 * Removes a disk that never became whole. What cannot be removed now stays hidden (Deleting) until reconcile.ts does.
 * Never throws: the caller has a better error to tell.
 * @param why a disk server that did not answer is not waited for a second time (decisions.md H: 503 within 10 s).
 */
async function takeBackDisk({ database, dataPlane, log }: Parts, diskId: string, why: unknown): Promise<void> {
  try {
    await database.transact((transaction) => moveDisk(transaction, diskId, 'Deleting'));
    if (isKind(why, 'unavailable')) return;
    await dataPlane.deleteDisk(diskId, { keep: [], drop: [] });
    await database.transact((transaction) => deleteDisk(transaction, diskId));
  } catch (error) {
    log.warn(
      { diskId, reason: messageOf(error) },
      'an unfinished disk could not be removed yet; it will be tried again',
    );
  }
}
