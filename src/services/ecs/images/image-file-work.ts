import { rename, rm } from 'node:fs/promises';
import path from 'node:path';

import { ApiError } from '../../../api/errors.ts';
import type { Clock } from '../../../base/clock.ts';
import { isKind, messageOf, SystemError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { Random } from '../../../base/random.ts';
import { GiB } from '../../../base/units.ts';
import { listImageExports, updateImageExport, type ImageExport } from '../../../metadata/image-exports.ts';
import { findImage, listImagesByStatus, updateImage, type Image, type ImageDevice } from '../../../metadata/images.ts';
import { findSnapshot, type Snapshot } from '../../../metadata/snapshots.ts';
import { pinOfSource } from '../disk-provision.ts';
import { dropCopy, type CopyingParts } from '../snapshots/snapshot-copying.ts';
import { moveSnapshot } from '../status-changes.ts';
import { dataKeyOfSnapshot, openDataKey } from '../stored-data-key.ts';
import { moveImage } from './image-status.ts';
import type { ImageStore } from './image-store.ts';
import type { FileFormat, ImageConverter } from './qemu-img.ts';

export interface ImageFileParts extends CopyingParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly store: ImageStore | undefined;
  readonly converter: ImageConverter;
}

/** Between two writings of how far something is. */
const TELL_EVERY_PERCENT = 5;

/**
 * Reads images from files and writes them to files, one after the other. What ImportImage and ExportImage have written down is
 * all that there is to know: after a restart what was begun is begun anew, and nothing of the first try is left.
 */
export class ImageFileWork implements AsyncDisposable {
  readonly #parts: ImageFileParts;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #woken = false;

  constructor(parts: ImageFileParts) {
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
    const { database, log } = this.#parts;
    try {
      while (this.#woken && !this.#stop.signal.aborted) {
        this.#woken = false;
        for (const image of (await listImagesByStatus(database.read, 'Creating')).filter(isImport))
          await this.#settled({ imageId: image.imageId }, () => this.#import(image));
        for (const row of await listImageExports(database.read, { status: 'Running' }))
          await this.#settled({ taskId: row.taskId }, () => this.#export(row));
      }
    } catch (error) {
      log.error({ reason: messageOf(error) }, 'image files could not be gone on with; they will be tried again');
    }
  }

  /** What is only unavailable waits for the next time. */
  async #settled(what: object, work: () => Promise<void>): Promise<void> {
    if (this.#stop.signal.aborted) return;
    await work().catch((error: unknown) => {
      if (!isKind(error, 'unavailable')) throw error;
      this.#parts.log.warn({ ...what, reason: messageOf(error) }, 'an image file has to wait; it will be tried again');
    });
  }

  async #import({ imageId, devices, failure: known }: Image): Promise<void> {
    const { database, log } = this.#parts;
    let failure = known;
    if (failure === null)
      try {
        for (const [index, device] of devices.entries())
          await this.#importDevice(device, (percent) =>
            this.#tellImage(imageId, (100 * index + percent) / devices.length),
          );
        await database.transact((transaction) => moveImage(transaction, imageId, 'Available', { progress: 100 }));
        log.info({ imageId }, 'image imported');
        return;
      } catch (error) {
        if (isKind(error, 'unavailable')) throw error;
        failure = failureOf(error);
        log.warn({ imageId, reason: messageOf(error) }, 'an image could not be imported');
        await database.transact((transaction) => updateImage(transaction, imageId, { failure }));
      }
    for (const { snapshotId } of devices) {
      const snapshot = await findSnapshot(database.read, snapshotId ?? '');
      if (snapshot === undefined) continue;
      await this.#parts.dataPlane.closeExport(exportIdOf(snapshot), { force: true });
      await dropCopy(this.#parts, snapshot);
    }
    const none = devices.map((device) => ({ ...device, snapshotId: null }));
    await database.transact((transaction) => moveImage(transaction, imageId, 'CreateFailed', { devices: none }));
  }

  async #importDevice({ snapshotId, imported }: ImageDevice, tell: (percent: number) => Promise<void>): Promise<void> {
    const { database, dataPlane } = this.#parts;
    const snapshot = await this.#snapshot(snapshotId);
    const { sourceDiskId: diskId, sizeGib, encrypted, wrappedKey } = snapshot;
    if (snapshot.status === 'progressing') {
      const exportId = exportIdOf(snapshot);
      await dataPlane.closeExport(exportId, { force: true });
      await dataPlane.deleteDisk(diskId, { keep: [], drop: [snapshot.snapshotId] });
      const key = () => openDataKey(this.#parts.dataKeys, dataKeyOfSnapshot(snapshot));
      const file = await this.#store().find(snapshot.accountId, imported?.bucket ?? '', imported?.object ?? '');
      const format = imported?.format === 'QCOW2' ? 'qcow2' : 'raw';
      // It may be another file by now.
      const { sizeBytes } = await this.#parts.converter.inspect(file, format);
      if (sizeBytes > sizeGib * GiB)
        throw new SystemError('invalid', 'InvalidImageSize', 'The file is larger than it was.');
      await dataPlane.createDisk({ diskId, sizeBytes: sizeGib * GiB, encrypted, wrappedKey }, await key());
      const info = await dataPlane.openExport({
        ...this.#access(exportId, diskId, { readOnly: false }),
        dataKey: await key(),
        pin: undefined,
      });
      await this.#convert(tell, (options) => this.#parts.converter.read(file, format, info, options));
      const closed = await dataPlane.closeExport(exportId, { force: false });
      const pin = await dataPlane.createSnapshot(diskId, snapshot.snapshotId, await key(), closed);
      await database.transact((transaction) =>
        moveSnapshot(transaction, snapshot.snapshotId, 'accomplished', { progress: 100, pin }),
      );
    }
    await dataPlane.deleteDisk(diskId, { keep: [snapshot.snapshotId], drop: [] });
  }

  async #export(row: ImageExport): Promise<void> {
    const { database, log } = this.#parts;
    const { taskId, accountId, imageId } = row;
    try {
      const folder = await this.#store().bucket(accountId, row.bucket);
      const image = await findImage(database.read, imageId);
      const devices = (image?.devices ?? []).filter(({ snapshotId }) => snapshotId !== null);
      for (const [index, device] of devices.entries()) {
        const tell = (percent: number) => this.#tellExport(taskId, (100 * index + percent) / devices.length);
        const file = path.join(folder, fileNameOf(row, device));
        await this.#exportDevice(device, { file, format: row.format, taskId }, tell);
      }
      const done = { status: 'Finished', progress: 100 } as const;
      await database.transact((transaction) => updateImageExport(transaction, taskId, done));
      log.info({ taskId, imageId }, 'image exported');
    } catch (error) {
      if (isKind(error, 'unavailable')) throw error;
      const failure = failureOf(error);
      log.warn({ taskId, imageId, reason: messageOf(error) }, 'an image could not be exported');
      await database.transact((transaction) => updateImageExport(transaction, taskId, { status: 'Failed', failure }));
    }
  }

  async #exportDevice(
    { snapshotId }: ImageDevice,
    { file, format, taskId }: { readonly file: string; readonly format: FileFormat; readonly taskId: string },
    tell: (percent: number) => Promise<void>,
  ): Promise<void> {
    const { dataPlane } = this.#parts;
    const snapshot = await this.#snapshot(snapshotId);
    const exportId = exportIdOf(snapshot);
    await dataPlane.closeExport(exportId, { force: true });
    const info = await dataPlane.openSnapshotExport({
      ...this.#access(exportId, snapshot.sourceDiskId, { readOnly: true }),
      snapshotId: snapshot.snapshotId,
      baseSnapshotId: undefined,
      dataKey: await openDataKey(this.#parts.dataKeys, dataKeyOfSnapshot(snapshot)),
      pin: await pinOfSource(this.#parts, snapshot),
    });
    const unfinished = `${file}.${taskId}.part`;
    try {
      await this.#convert(tell, (options) => this.#parts.converter.write(info, unfinished, format, options));
      await rename(unfinished, file);
    } finally {
      await rm(unfinished, { force: true });
      await dataPlane.closeExport(exportId, { force: true });
    }
  }

  /** Tells how far the conversion is, now and then. */
  async #convert(
    tell: (percent: number) => Promise<void>,
    work: (options: { signal: AbortSignal; onProgress: (percent: number) => void }) => Promise<void>,
  ): Promise<void> {
    let told = 0;
    let telling: Promise<void> = Promise.resolve();
    const onProgress = (percent: number): void => {
      if (percent < told + TELL_EVERY_PERCENT) return;
      told = percent;
      telling = telling.then(() => tell(percent)).catch(() => undefined);
    };
    try {
      await work({ signal: this.#stop.signal, onProgress });
    } finally {
      await telling;
    }
  }

  async #tellImage(imageId: string, progress: number): Promise<void> {
    await this.#parts.database.transact((transaction) =>
      updateImage(transaction, imageId, { progress: Math.min(99, Math.floor(progress)) }),
    );
  }

  async #tellExport(taskId: string, progress: number): Promise<void> {
    await this.#parts.database.transact((transaction) =>
      updateImageExport(transaction, taskId, { progress: Math.min(99, Math.floor(progress)) }),
    );
  }

  /** An export for our own use: nobody else learns its secret, and its socket is the owner's alone. */
  #access(exportId: string, diskId: string, { readOnly }: { readonly readOnly: boolean }) {
    return { exportId, diskId, name: diskId, readOnly, pskIdentity: exportId, psk: this.#parts.random.bytes(32) };
  }

  async #snapshot(snapshotId: string | null): Promise<Snapshot> {
    const snapshot = await findSnapshot(this.#parts.database.read, snapshotId ?? '');
    if (snapshot !== undefined) return snapshot;
    throw new SystemError('not-found', 'SNAPSHOT_GONE', `Snapshot ${snapshotId} of the image is gone.`);
  }

  #store(): ImageStore {
    if (this.#parts.store !== undefined) return this.#parts.store;
    throw new SystemError('unavailable', 'NO_IMAGE_STORE', 'The store for image files is not configured any more.');
  }
}

/** What is being imported. */
export function isImport({ devices }: Pick<Image, 'devices'>): boolean {
  return devices.some(({ imported }) => imported !== undefined);
}

/** Exports of ours, which are in no table; export-recovery.ts leaves them alone. */
function exportIdOf({ snapshotId }: Snapshot): string {
  return `m-${snapshotId.slice(2)}`;
}

/** `[PREFIX_]IMAGE_system.qcow2`, `…_data_xvdb.qcow2`. */
export function fileNameOf(
  { prefix, imageId, format }: Pick<ImageExport, 'prefix' | 'imageId' | 'format'>,
  { type, device }: Pick<ImageDevice, 'type' | 'device'>,
): string {
  const disk = type === 'system' ? 'system' : `data_${path.basename(device)}`;
  return `${prefix === '' ? '' : `${prefix}_`}${imageId}_${disk}.${format}`;
}

function failureOf(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof SystemError || error instanceof ApiError) return { code: error.code, message: error.message };
  // What the operating system says names folders of the operator's.
  return { code: 'InternalError', message: 'The file could not be read or written; the log of the server tells why.' };
}
