import { deleteImage, listImagesByStatus, type Image } from '../../../metadata/images.ts';
import type { Reader, Transaction } from '../../../metadata/reader.ts';
import { findSnapshot } from '../../../metadata/snapshots.ts';
import { moveSnapshot } from '../status-changes.ts';

/** Ends the images of instances that a crash cut short. Only at start, before operations run. */
export async function takeBackImages(transaction: Transaction): Promise<void> {
  for (const image of await listImagesByStatus(transaction, 'Creating'))
    if (image.sourceInstanceId !== null) await takeBackImage(transaction, image);
}

/** The image goes; its snapshots become removals. */
export async function takeBackImage(transaction: Transaction, { imageId, devices }: Image): Promise<void> {
  await deleteImage(transaction, imageId);
  for (const { snapshotId } of devices) {
    const snapshot = snapshotId === null ? undefined : await findSnapshot(transaction, snapshotId);
    if (snapshot?.status === 'accomplished') await moveSnapshot(transaction, snapshot.snapshotId, 'deleting');
  }
}

/** Snapshots that copies of images go on with (image-copies.ts). */
export async function snapshotsBeingCopied(reader: Reader): Promise<ReadonlySet<string>> {
  const copies = [...(await listImagesByStatus(reader, 'Creating')), ...(await listImagesByStatus(reader, 'Waiting'))];
  return new Set(copies.flatMap(({ devices }) => devices.flatMap(({ snapshotId }) => snapshotId ?? [])));
}
