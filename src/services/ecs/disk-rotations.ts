import { ApiError } from '../../api/errors.ts';
import type { Clock } from '../../base/clock.ts';
import { isKind, messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { KeyedMutex } from '../../base/mutex.ts';
import type { DataKey, DataPlane, Pin, ReencryptionProgress, ReencryptionState } from '../../dataplane/data-plane.ts';
import type { DiskKeys } from '../../kms/data-keys.ts';
import type { Database } from '../../metadata/database.ts';
import { findDiskEncryptionDefault } from '../../metadata/disk-encryption-defaults.ts';
import {
  deleteDiskRotation,
  findDiskRotation,
  listDiskRotations,
  putDiskRotation,
  updateDiskRotation,
  type DiskRotation,
} from '../../metadata/disk-rotations.ts';
import { findDisk, updateDisk, type Disk } from '../../metadata/disks.ts';
import { findExportOfDisk } from '../../metadata/exports.ts';
import type { Transaction } from '../../metadata/reader.ts';
import { findSnapshotExportsOfDisk } from '../../metadata/snapshot-exports.ts';
import { listSnapshotsOfDisk, updateSnapshot } from '../../metadata/snapshots.ts';
import { advancePin } from './pins.ts';
import { dataKeyOfDisk, openWrapped, wiped, type DataKeys, type StoredDataKey } from './stored-data-key.ts';

/** Disks without clients that are sealed anew at the same time. */
const AT_ONCE_MAX = 2;

export interface DiskRotationParts {
  readonly database: Database;
  readonly dataPlane: DataPlane;
  readonly diskKeys: DiskKeys;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface RotationRequest {
  readonly disk: Disk;
  /** An id or ARN; undefined for the disk's own key, else that of default encryption where it is on, else the service key. */
  readonly keyId: string | undefined;
  /** 0: as fast as the clients leave room for. */
  readonly bytesPerSecond: number;
}

/**
 * Other data keys for disks. A crash at any point leaves the disk and all its snapshots under one key that the rows name,
 * or a row that says which two it may be:
 *
 * 1. a row `Committing` with the new wrapped key;
 * 2. the disk server rotates;
 * 3. disk and snapshots with the new key, the row `Running`, in one transaction;
 * 4. everything is sealed anew in the background; then the row goes.
 *
 * What is cut short between 1 and 3 is settled by asking the disk's own head, before anybody opens a key of the disk.
 * docs/internals/rotation.md tells more.
 */
export class DiskRotations {
  readonly #parts: DiskRotationParts;
  readonly #turns = new KeyedMutex();

  constructor(parts: DiskRotationParts) {
    this.#parts = parts;
  }

  /** The data keys of disks for everybody else: none is opened before it is settled whose it is. */
  get dataKeys(): DataKeys {
    const { diskKeys } = this.#parts;
    return {
      choose: (request) => diskKeys.choose(request),
      generate: (request) => diskKeys.generate(request),
      generatePlain: (request) => diskKeys.generatePlain(request),
      open: (request) => diskKeys.open(request),
      openPlain: (request) => diskKeys.openPlain(request),
      openForReceiver: (request) => diskKeys.openForReceiver(request),
      sharingObstacle: (request) => diskKeys.sharingObstacle(request),
      settled: (stored) => this.#settled(stored),
    };
  }

  /**
   * Gives a disk another data key under a KMS key. What was plain is encrypted from then on.
   * @throws {SystemError} a `DiskKeyRefusal`, or of the disk server. {ApiError} IncorrectDiskStatus.
   */
  async rotate({ disk: asked, keyId, bytesPerSecond }: RotationRequest): Promise<DiskRotation> {
    const { database, dataPlane, diskKeys, clock, log } = this.#parts;
    const { diskId, accountId, regionId } = asked;
    return this.#turns.run(diskId, async () => {
      await this.#settle(diskId);
      const disk = await this.#living(diskId);
      using dataKey = await openWrapped(diskKeys, dataKeyOfDisk(disk));
      const byDefault = await findDiskEncryptionDefault(database.read, disk);
      const chosen = keyId ?? disk.kmsKeyId ?? byDefault?.kmsKeyId;
      const made = await diskKeys.generate({ accountId, regionId, diskId, keyId: chosen });
      using next = wiped({ suite: made.suite, key: made.plaintext });
      const rotation: DiskRotation = {
        diskId,
        status: 'Committing',
        encrypted: true,
        kmsKeyId: made.kmsKeyId,
        suite: made.suite,
        wrappedKey: made.wrapped,
        wrappedBy: 'kms',
        paused: false,
        startedMs: clock.nowMs(),
      };
      await database.transact(async (transaction) => {
        await this.#livingIn(transaction, diskId);
        await refuseWhileOpening(transaction, diskId);
        await putDiskRotation(transaction, rotation);
      });
      const { wrappedKey, encrypted } = rotation;
      try {
        const pin = await dataPlane.rotateDataKey({
          diskId,
          dataKey,
          pin: disk.pin ?? undefined,
          next: { dataKey: next, wrappedKey, encrypted, bytesPerSecond },
        });
        await database.transact((transaction) => commit(transaction, rotation, pin));
      } catch (error) {
        // A disk server that did not answer is not waited for a second time (decisions.md H: 503 within 10 s).
        if (isKind(error, 'unavailable')) throw error;
        await this.#settle(diskId);
        if (Buffer.compare((await this.#living(diskId)).wrappedKey, wrappedKey) !== 0) throw error;
        log.warn(
          { diskId, reason: messageOf(error) },
          'a disk has its new data key although that was reported to fail',
        );
      }
      log.info({ diskId, accountId, keyId: made.kmsKeyId }, 'a disk has another data key');
      return { ...rotation, status: 'Running' };
    });
  }

  /**
   * Wraps the same data key anew, under the newest version of its KMS key, and answers that key's id.
   * @throws {SystemError} a `DiskKeyRefusal`, or of the disk server.
   */
  async rewrap(diskId: string): Promise<string> {
    const { database, dataPlane, diskKeys } = this.#parts;
    return this.#turns.run(diskId, async () => {
      await this.#settle(diskId);
      const disk = await this.#living(diskId);
      using dataKey = await openWrapped(diskKeys, dataKeyOfDisk(disk));
      const wrappedKey = await diskKeys.rewrap({ ...disk, kmsKeyId: disk.kmsKeyId ?? '', plaintext: dataKey.key });
      const pin = await dataPlane.rewrapDataKey(diskId, wrappedKey, dataKey, disk.pin ?? undefined);
      await database.transact(async (transaction) => {
        await advancePin(transaction, await this.#livingIn(transaction, diskId), pin);
        await updateDisk(transaction, diskId, { wrappedKey });
        for (const { snapshotId } of await listSnapshotsOfDisk(transaction, diskId))
          await updateSnapshot(transaction, snapshotId, { wrappedKey });
      });
      return disk.kmsKeyId ?? '';
    });
  }

  /** How far the disk is sealed anew. Asks for no key, so that of a disk nobody has open only the row is known. */
  async describe(diskId: string): Promise<{ row: DiskRotation; state: ReencryptionState | undefined } | undefined> {
    return this.#turns.run(diskId, async () => {
      const row = await findDiskRotation(this.#parts.database.read, diskId);
      if (row === undefined) return undefined;
      const disk = await this.#living(diskId);
      const state = await this.#parts.dataPlane.continueReencryption({
        diskId,
        dataKeys: [],
        pin: disk.pin ?? undefined,
      });
      if (row.status === 'Running' && state !== undefined && state.progress === undefined) {
        await this.#end(diskId, state);
        return undefined;
      }
      return { row, state };
    });
  }

  /** Lets the sealing rest or go on, or changes its limit. Answers false when there is none. */
  async configure(diskId: string, changes: { paused?: boolean; bytesPerSecond?: number }): Promise<boolean> {
    return this.#turns.run(diskId, async () => {
      await this.#settle(diskId);
      const row = await findDiskRotation(this.#parts.database.read, diskId);
      if (row === undefined) return false;
      await this.#continue(row, changes);
      const { paused } = changes;
      if (paused !== undefined && (await findDiskRotation(this.#parts.database.read, diskId)) !== undefined)
        await this.#parts.database.transact((transaction) => updateDiskRotation(transaction, diskId, { paused }));
      return true;
    });
  }

  /** Notes that a new disk shares data with its source that is to be sealed anew. In the transaction that makes it. */
  async begin(
    transaction: Transaction,
    { diskId, encrypted, kmsKeyId, suite, wrappedKey, wrappedBy }: Disk,
    { paused, beganAtMs }: Pick<ReencryptionProgress, 'paused' | 'beganAtMs'> = {
      paused: false,
      beganAtMs: this.#parts.clock.nowMs(),
    },
  ): Promise<void> {
    const row = { diskId, encrypted, kmsKeyId, suite, wrappedKey, wrappedBy };
    await putDiskRotation(transaction, { ...row, status: 'Running', paused, startedMs: beganAtMs });
  }

  /** Settles what was cut short, and goes on with disks that have no clients. To be called now and then; never rejects. */
  async keepGoing(): Promise<void> {
    const { database, log } = this.#parts;
    let running = 0;
    for (const { diskId } of await listDiskRotations(database.read)) {
      await this.#turns.run(diskId, async () => {
        try {
          const disk = await findDisk(database.read, diskId);
          if (disk === undefined || !isLiving(disk)) return;
          await this.#settle(diskId);
          const row = await findDiskRotation(database.read, diskId);
          if (row === undefined) return;
          // Opening it behind the back of an export that is to come back would hide how the disk was closed.
          const isExported = (await findExportOfDisk(database.read, diskId)) !== undefined;
          const mayOpen = !isExported && !row.paused && running < AT_ONCE_MAX;
          const state = await this.#continue(row, {}, { mayOpen });
          if (!isExported && state?.progress !== undefined) running += 1;
        } catch (error) {
          log.warn({ diskId, reason: messageOf(error) }, 'a disk could not be sealed anew yet; it will be tried again');
        }
      });
    }
  }

  async #settled(stored: StoredDataKey): Promise<StoredDataKey> {
    const { database } = this.#parts;
    const { diskId } = stored;
    if ((await findDiskRotation(database.read, diskId))?.status !== 'Committing') return stored;
    await this.#turns.run(diskId, () => this.#settle(diskId));
    const disk = await findDisk(database.read, diskId);
    return disk === undefined ? stored : { ...dataKeyOfDisk(disk), diskId };
  }

  /** Finds out which of two data keys is the disk's, if that is open. In the disk's turn. */
  async #settle(diskId: string): Promise<void> {
    const { database, dataPlane, diskKeys } = this.#parts;
    const row = await findDiskRotation(database.read, diskId);
    if (row?.status !== 'Committing') return;
    const disk = await this.#living(diskId);
    const dataKeys: (DataKey & Disposable)[] = [];
    let refusal: unknown;
    for (const stored of [dataKeyOfDisk(disk), dataKeyOfDisk({ ...disk, ...row, status: disk.status })])
      await openWrapped(diskKeys, stored).then(
        (dataKey) => dataKeys.push(dataKey),
        (error: unknown) => (refusal ??= error),
      );
    try {
      if (dataKeys.length === 0) throw refusal;
      const { wrappedKey, progress, pin } = await dataPlane.settleDataKey({
        diskId,
        dataKeys,
        pin: disk.pin ?? undefined,
      });
      await database.transact(async (transaction) => {
        if (Buffer.compare(wrappedKey, row.wrappedKey) === 0) return commit(transaction, row, pin);
        await advancePin(transaction, disk, pin);
        await deleteDiskRotation(transaction, diskId);
        // An earlier change is not through yet.
        if (progress !== undefined) await this.begin(transaction, disk, progress);
      });
    } finally {
      for (const dataKey of dataKeys) dataKey[Symbol.dispose]();
    }
  }

  /** Goes on with a rotation that is Running, if the disk is open or may be opened for that, and ends its row when there is no more to do. In the disk's turn. */
  async #continue(
    row: DiskRotation,
    changes: { paused?: boolean; bytesPerSecond?: number },
    { mayOpen }: { readonly mayOpen: boolean } = { mayOpen: true },
  ): Promise<ReencryptionState | undefined> {
    const { dataPlane, diskKeys } = this.#parts;
    const { diskId } = row;
    const disk = await this.#living(diskId);
    const request = { diskId, pin: disk.pin ?? undefined, ...changes };
    let state = await dataPlane.continueReencryption({ ...request, dataKeys: [] });
    if (state === undefined && mayOpen) {
      using dataKey = await openWrapped(diskKeys, dataKeyOfDisk(disk));
      state = await dataPlane.continueReencryption({ ...request, dataKeys: [dataKey] });
    }
    if (state !== undefined && state.progress === undefined) await this.#end(diskId, state);
    return state;
  }

  async #end(diskId: string, { pin }: ReencryptionState): Promise<void> {
    await this.#parts.database.transact(async (transaction) => {
      await advancePin(transaction, await this.#livingIn(transaction, diskId), pin);
      await deleteDiskRotation(transaction, diskId);
    });
    this.#parts.log.info({ diskId }, 'everything that a disk stores is sealed under its data key');
  }

  #living(diskId: string): Promise<Disk> {
    return this.#livingIn(this.#parts.database.read, diskId);
  }

  async #livingIn(reader: Parameters<typeof findDisk>[0], diskId: string): Promise<Disk> {
    const disk = await findDisk(reader, diskId);
    if (disk !== undefined && isLiving(disk)) return disk;
    throw new ApiError(
      'IncorrectDiskStatus',
      403,
      `Disk ${diskId} is ${disk?.status ?? 'gone'}; it has to be Available.`,
    );
  }
}

function isLiving({ status }: Disk): boolean {
  return status === 'Available' || status === 'In_use';
}

/**
 * Whoever is about to open the disk or a snapshot of it with the key of now. The other way round they refuse when they find
 * a change under way (key-changes.ts).
 * @throws {ApiError} IncorrectDiskStatus.
 */
async function refuseWhileOpening(transaction: Transaction, diskId: string): Promise<void> {
  const refuse = (why: string): never => {
    throw new ApiError('IncorrectDiskStatus', 403, `The data key of disk ${diskId} cannot be changed now: ${why}.`);
  };
  const exported = await findExportOfDisk(transaction, diskId);
  if (exported !== undefined && exported.status !== 'Serving')
    refuse(`export ${exported.exportId} is ${exported.status}; wait until it serves, or unexport it`);
  if (exported?.readOnly === true) refuse(`export ${exported.exportId} is for reading only; unexport it`);
  const [view] = await findSnapshotExportsOfDisk(transaction, diskId);
  if (view !== undefined) refuse(`snapshot ${view.snapshotId} is exported as ${view.exportId}; unexport that first`);
  for (const { snapshotId, status } of await listSnapshotsOfDisk(transaction, diskId))
    if (status === 'progressing') refuse(`snapshot ${snapshotId} is being taken; wait for it`);
}

/** From here on the new key is the disk's, and that of all its snapshots: they share the disk's head. Harmless twice. */
async function commit(transaction: Transaction, rotation: DiskRotation, pin: Pin): Promise<void> {
  const { diskId, encrypted, kmsKeyId, suite, wrappedKey, wrappedBy } = rotation;
  const row = await findDiskRotation(transaction, diskId);
  if (row?.status !== 'Committing' || Buffer.compare(row.wrappedKey, wrappedKey) !== 0) return;
  const changes = { encrypted, kmsKeyId, suite, wrappedKey, wrappedBy };
  const disk = await updateDisk(transaction, diskId, changes);
  await advancePin(transaction, disk, pin);
  for (const { snapshotId } of await listSnapshotsOfDisk(transaction, diskId))
    await updateSnapshot(transaction, snapshotId, changes);
  await updateDiskRotation(transaction, diskId, { status: 'Running' });
}
