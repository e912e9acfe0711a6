import type { Clock } from '../../../base/clock.ts';
import { isKind, messageOf, SystemError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { ApiError } from '../../../api/errors.ts';
import { deleteImage, findImage, listImagesByStatus, updateImage, type Image } from '../../../metadata/images.ts';
import { findImageShare } from '../../../metadata/image-shares.ts';
import { findSnapshot, type Snapshot } from '../../../metadata/snapshots.ts';
import { continueCopy, dropCopy, type CopyingParts } from '../snapshots/snapshot-copying.ts';
import { moveImage } from './image-status.ts';

/** Copies of one account and region that are made at the same time; the others wait. Source: facts.md 5.8. */
export const COPIES_AT_ONCE = 5;

/** Between two looks at copies that are being sealed anew. */
const PAUSE_MS = 250;

export const CANCELLED = 'Cancelled';

export interface ImageCopyParts extends CopyingParts {
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Makes the copies of images, each step by step, from wherever it stands: what CopyImage has written down is all that there
 * is to know, so that a restart goes on where the last process was. A copy that cannot go on is taken back: first the reason
 * is written down, then its snapshots go, then it is CreateFailed; one that was cancelled goes altogether.
 */
export class ImageCopies implements AsyncDisposable {
  readonly #parts: ImageCopyParts;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  /** Since the last pass began. */
  #woken = false;

  constructor(parts: ImageCopyParts) {
    this.#parts = parts;
  }

  /** There may be something to do, or to be tried again. Returns at once. */
  wake(): void {
    if (this.#stop.signal.aborted) return;
    this.#woken = true;
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
  }

  /** Settles when there is nothing that could be done now. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the server is stopping'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#parts;
    const { signal } = this.#stop;
    try {
      while (!signal.aborted) {
        this.#woken = false;
        const more = await this.#pass();
        if (more) await clock.sleep(PAUSE_MS, signal).catch(() => undefined);
        else if (!this.#woken) return;
      }
    } catch (error) {
      log.error({ reason: messageOf(error) }, 'copies of images could not be gone on with; they will be tried again');
    }
  }

  /** One step of each copy. Answers whether another pass would do something. */
  async #pass(): Promise<boolean> {
    await this.#admit();
    let more = false;
    for (const status of ['Creating', 'Waiting'] as const)
      for (const { imageId } of (await listImagesByStatus(this.#parts.database.read, status)).filter(isCopy)) {
        if (this.#stop.signal.aborted) return false;
        more = (await this.#step(imageId)) || more;
      }
    return more;
  }

  /** Those that wait begin, oldest first, as far as there is room. */
  async #admit(): Promise<void> {
    await this.#parts.database.transact(async (transaction) => {
      for (const image of (await listImagesByStatus(transaction, 'Waiting')).filter(isCopy))
        if (image.failure === null && (await countCopies(transaction, image)) < COPIES_AT_ONCE)
          await moveImage(transaction, image.imageId, 'Creating');
    });
  }

  async #step(imageId: string): Promise<boolean> {
    const { database, log } = this.#parts;
    const copy = await findImage(database.read, imageId);
    if (copy === undefined) return false;
    try {
      if (copy.failure !== null) await this.#takeBack(copy);
      else if (copy.status === 'Creating') await this.#advance(copy);
      else return false;
      return true;
    } catch (error) {
      if (isKind(error, 'unavailable')) {
        log.warn({ imageId, reason: messageOf(error) }, 'a copy of an image has to wait; it will be tried again');
        return false;
      }
      if (copy.failure !== null) throw error;
      const failure = { code: codeOf(error), message: messageOf(error) };
      log.warn({ imageId, reason: failure.message }, 'an image could not be copied');
      await database.transact(async (transaction) => {
        const now = await findImage(transaction, imageId);
        if (now?.failure === null) await updateImage(transaction, imageId, { failure });
      });
      return true;
    }
  }

  async #advance(copy: Image): Promise<void> {
    const { database } = this.#parts;
    const source = await this.#sourceOf(copy);
    const snapshots = copy.devices.flatMap(({ device, snapshotId }) =>
      snapshotId === null ? [] : [{ device, snapshotId }],
    );
    let done = 0;
    for (const [index, { device, snapshotId }] of snapshots.entries()) {
      const from = source.devices.find((one) => one.device === device)?.snapshotId ?? '';
      const made = await this.#snapshot(snapshotId);
      const { isDone, share } = await continueCopy(this.#parts, made, await this.#snapshot(from));
      done = index + share;
      if (!isDone) break;
    }
    const progress = snapshots.length === 0 ? 100 : Math.floor((100 * done) / snapshots.length);
    await database.transact(async (transaction) => {
      const now = await findImage(transaction, copy.imageId);
      if (now?.status !== 'Creating' || now.failure !== null) return;
      if (done === snapshots.length) await moveImage(transaction, copy.imageId, 'Available', { progress: 100 });
      else if (progress > now.progress) await updateImage(transaction, copy.imageId, { progress });
    });
    if (done === snapshots.length) this.#parts.log.info({ imageId: copy.imageId }, 'image copied');
  }

  async #takeBack({ imageId, devices, status, failure }: Image): Promise<void> {
    const { database } = this.#parts;
    for (const { snapshotId } of devices) {
      const snapshot = snapshotId === null ? undefined : await findSnapshot(database.read, snapshotId);
      if (snapshot !== undefined) await dropCopy(this.#parts, snapshot);
    }
    await database.transact(async (transaction) => {
      if (failure?.code === CANCELLED) return void (await deleteImage(transaction, imageId));
      const none = devices.map((device) => ({ ...device, snapshotId: null }));
      if (status === 'Creating' || status === 'Waiting')
        await moveImage(transaction, imageId, 'CreateFailed', { devices: none });
    });
  }

  /** A shared image is copied as long as it is shared. */
  async #sourceOf({ accountId, sourceImageId }: Image): Promise<Image> {
    const { read } = this.#parts.database;
    const source = await findImage(read, sourceImageId ?? '');
    const isUsable =
      source !== undefined &&
      (source.accountId === accountId || (await findImageShare(read, source.imageId, accountId)) !== undefined);
    if (isUsable) return source;
    throw new SystemError('denied', 'SOURCE_GONE', `Image ${sourceImageId} is not shared with this account any more.`);
  }

  async #snapshot(snapshotId: string): Promise<Snapshot> {
    const snapshot = await findSnapshot(this.#parts.database.read, snapshotId);
    if (snapshot !== undefined) return snapshot;
    throw new SystemError('not-found', 'SNAPSHOT_GONE', `Snapshot ${snapshotId}, which the copy needs, is gone.`);
  }
}

export function isCopy({ sourceImageId }: Image): boolean {
  return sourceImageId !== null;
}

/** How many copies are being made in the region that the image is in. */
export async function countCopies(
  reader: Parameters<typeof findImage>[0],
  { accountId, regionId }: Pick<Image, 'accountId' | 'regionId'>,
): Promise<number> {
  const making = (await listImagesByStatus(reader, 'Creating')).filter(isCopy);
  return making.filter((one) => one.accountId === accountId && one.regionId === regionId).length;
}

function codeOf(error: unknown): string {
  return error instanceof SystemError || error instanceof ApiError ? error.code : 'InternalError';
}
