import { messageOf } from '../../../base/errors.ts';
import type { Disk } from '../../../metadata/disks.ts';
import { findImage } from '../../../metadata/images.ts';
import type { EcsDependencies } from '../dependencies.ts';
import type { RecordedAnswer } from '../disk-provision.ts';
import { finishRemovals } from '../reconcile.ts';
import { openForSnapshot, mintSnapshotId, takeSnapshot } from '../snapshots/snapshot-taking.ts';
import { SYSTEM_DEVICE } from './image-devices.ts';
import { moveImage } from './image-status.ts';
import { addImage, recordAnswer, type NewImage } from './new-image.ts';
import { takeBackImage } from './taken-back-images.ts';

type Parts = Pick<EcsDependencies, 'database' | 'dataPlane' | 'dataKeys' | 'clock' | 'random' | 'log'>;

const NO_SPACE = { noSpace: { code: 'OperationDenied', httpStatus: 403 } };

/**
 * Makes an image of the disks of an instance, each frozen under its own data key, so that the image of an encrypted disk is
 * encrypted (facts.md 5.1):
 *
 * 1. the keys of all disks are opened: nothing is made when one cannot be used;
 * 2. the image, Creating, with the ids of snapshots that are not there yet;
 * 3. a snapshot of each disk;
 * 4. the image, Available, and the recorded answer, in one transaction.
 *
 * A failure or a crash after 2 leaves an image that `takeBackImages` ends: nobody was told of it.
 * @throws {ApiError} refusals of disks and keys; ServiceUnavailable.
 */
export async function imageOfDisks(
  deps: Parts,
  disks: readonly Disk[],
  fresh: Omit<NewImage, 'devices' | 'status'>,
  answer: RecordedAnswer,
): Promise<void> {
  const { imageId, accountId } = fresh;
  using opened = new DisposableStack();
  const taking = [];
  for (const { diskId } of disks) {
    const source = await openForSnapshot(deps, diskId, { accountId, use: 'CreateImage', refusals: NO_SPACE });
    taking.push({ source: opened.use(source), snapshotId: mintSnapshotId(deps, source.disk) });
  }
  const devices = taking
    .map(({ source: { disk }, snapshotId }) => ({
      device: disk.type === 'system' ? SYSTEM_DEVICE : (disk.device ?? ''),
      type: disk.type,
      snapshotId,
      sizeGib: disk.sizeGib,
    }))
    .toSorted((a, b) => (a.device < b.device ? -1 : 1));
  await deps.database.transact((transaction) => addImage(transaction, { ...fresh, devices, status: 'Creating' }));
  try {
    for (const { source, snapshotId } of taking) {
      const request = { name: '', description: `Taken for image ${imageId}.`, retentionDays: null, tags: [] };
      const own = { idempotencyKey: undefined, output: {} };
      await takeSnapshot(deps, source, request, { snapshotId, answer: own, refusals: NO_SPACE });
    }
    await deps.database.transact(async (transaction) => {
      await moveImage(transaction, imageId, 'Available', { progress: 100 });
      await recordAnswer(transaction, answer);
    });
  } catch (error) {
    await takeBack(deps, imageId);
    throw error;
  }
}

/** Never throws: the caller has a better error to tell. What cannot be removed now, housekeeping removes. */
async function takeBack(deps: Parts, imageId: string): Promise<void> {
  try {
    await deps.database.transact(async (transaction) => {
      const image = await findImage(transaction, imageId);
      if (image?.status === 'Creating') await takeBackImage(transaction, image);
    });
    await finishRemovals(deps);
  } catch (error) {
    deps.log.warn({ imageId, reason: messageOf(error) }, 'an unfinished image could not be removed yet');
  }
}
