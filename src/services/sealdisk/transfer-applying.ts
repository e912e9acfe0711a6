import { assert } from '../../base/assert.ts';
import { messageOf } from '../../base/errors.ts';
import { GiB } from '../../base/units.ts';
import { ApiError } from '../../api/errors.ts';
import type { TransferInfo } from '../../dataplane/transfers.ts';
import type { GeneratedDiskKey } from '../../kms/data-keys.ts';
import { findDiskEncryptionDefault } from '../../metadata/disk-encryption-defaults.ts';
import { deleteDisk, findDisk, insertDisk, type Disk } from '../../metadata/disks.ts';
import { findSnapshot, insertSnapshot, type Snapshot } from '../../metadata/snapshots.ts';
import { insertReceivedState, updateTransfer, type Transfer, type TransferTarget } from '../../metadata/transfers.ts';
import { refuseUnlessAvailable } from '../ecs/disk-removal.ts';
import { FRESH_DISK } from '../ecs/fresh-disk.ts';
import { keyError } from '../ecs/key-errors.ts';
import { advancePin } from '../ecs/pins.ts';
import { unknownDisk } from '../ecs/refusals.ts';
import { findRegion } from '../ecs/regions.ts';
import { mintId } from '../ecs/resource-ids.ts';
import { moveDisk } from '../ecs/status-changes.ts';
import { dataKeyOfDisk, openDataKey, wiped } from '../ecs/stored-data-key.ts';
import { DEFAULT_DISK_CATEGORY, DEFAULT_PERFORMANCE_LEVEL } from '../ecs/disk-categories.ts';
import { openStreamKey } from './stream-key.ts';
import { accessOf, transferError, type TransferParts } from './transfer-parts.ts';
import { decoded } from './transfer-receiving.ts';

/**
 * Begins to make a received stream into a disk, or to apply it to one, so that a crash leaves a disk that is whole, or
 * nothing that anybody sees:
 *
 * 1. keys, which asks KMS; the disk server must have all of the stream;
 * 2. in one transaction: the transfer Applying, and the disk's row: Creating (a new one) or ReIniting (one at the base);
 * 3. the disk server verifies and applies; `settleTransfer` ends it.
 *
 * A transfer that was interrupted begins again: a new disk from nothing, an old one over what was applied before.
 * @throws {ApiError} IncorrectTransferStatus, InvalidStream.*, IncorrectDiskStatus, key errors of CreateDisk.
 */
export async function beginApplying(
  parts: TransferParts,
  row: Transfer,
  passphrase: string | undefined,
): Promise<Transfer> {
  const { database, dataPlane } = parts;
  assert(row.header !== null, 'a received stream has a header');
  const header = decoded(row.header);
  using opened = await openStreamKey(parts, row, header, passphrase);
  const access = accessOf(parts, row);
  try {
    const streamKey = Uint8Array.from(opened.streamKey);
    const info = await dataPlane.openReceive({ ...access, header: row.header, streamKey });
    if (info.state === 'verifying' || info.state === 'applying' || info.state === 'applied') return row;
    if (info.durableBytes < info.sizeBytes)
      throw new ApiError(
        'IncorrectTransferStatus',
        403,
        `${info.durableBytes} of ${info.sizeBytes} bytes of the stream have arrived; send the rest first.`,
      );
  } catch (error) {
    throw transferError(error);
  } finally {
    access.psk.fill(0);
  }
  const {
    row: begun,
    disk,
    dataKey,
  } = row.baseSnapshotId === null ? await newDisk(parts, row) : await atBase(parts, row);
  using key = dataKey;
  try {
    await dataPlane.applyStream({
      transferId: row.transferId,
      streamKey: opened.streamKey,
      disk: {
        diskId: disk.diskId,
        sizeBytes: disk.sizeGib * GiB,
        encrypted: disk.encrypted,
        wrappedKey: disk.wrappedKey,
      },
      dataKey: key,
      pin: disk.pin ?? undefined,
      snapshotId: begun.snapshotId ?? '',
      baseSnapshotId: begun.baseSnapshotId ?? undefined,
    });
  } catch (error) {
    // What the disk server has made of it is for `settleTransfer` to find out.
    throw transferError(error);
  }
  return database.transact((transaction) => updateTransfer(transaction, row.transferId, { failure: null }));
}

/**
 * Brings a transfer that is Applying to its end, if the disk server has come to one.
 * @param info what the disk server says of it; undefined when it knows nothing: it was started anew.
 */
export async function settleTransfer(
  parts: TransferParts,
  row: Transfer,
  info: TransferInfo | undefined,
): Promise<void> {
  if (info?.state === 'verifying' || info?.state === 'applying') return;
  if (info?.state === 'applied') return publish(parts, row, info);
  const failure =
    info?.error === undefined
      ? { code: 'Interrupted', message: 'The disk server was restarted; finish the transfer again.' }
      : { code: info.error.code, message: info.error.message };
  // A disk that exists and may have been changed stays as it is: finishing again goes over it from the start.
  const isUntouched = row.baseSnapshotId === null || info?.touchesDisk === false;
  if (!isUntouched) {
    if (row.failure?.code !== failure.code)
      await parts.database.transact((transaction) => updateTransfer(transaction, row.transferId, { failure }));
    return;
  }
  await takeBack(parts, row, failure);
}

/** Undoes step 2 for a transfer whose disk nobody has seen or changed. */
export async function takeBack(
  { database, dataPlane, log }: TransferParts,
  row: Transfer,
  failure: Transfer['failure'],
): Promise<void> {
  const { transferId, diskId, snapshotId } = row;
  assert(diskId !== null, 'a transfer that is being applied has a disk');
  const isNew = row.baseSnapshotId === null;
  await database.transact(async (transaction) => {
    const disk = await findDisk(transaction, diskId);
    if (disk?.status === 'Creating') await moveDisk(transaction, diskId, 'Deleting');
    if (disk?.status === 'ReIniting') await moveDisk(transaction, diskId, 'Available');
    const diskAfter = isNew ? { diskId: null } : {};
    await updateTransfer(transaction, transferId, { status: 'Open', snapshotId: null, failure, ...diskAfter });
  });
  if (!isNew) return;
  try {
    await dataPlane.deleteDisk(diskId, { keep: [], drop: snapshotId === null ? [] : [snapshotId] });
    await database.transact((transaction) => deleteDisk(transaction, diskId));
  } catch (error) {
    log.warn(
      { diskId, reason: messageOf(error) },
      'an unfinished disk could not be removed yet; it will be tried again',
    );
  }
}

async function publish(parts: TransferParts, row: Transfer, info: TransferInfo): Promise<void> {
  const { database, dataPlane, clock, log } = parts;
  const { transferId, diskId, snapshotId, header } = row;
  assert(diskId !== null && snapshotId !== null && header !== null, 'a transfer that is being applied is complete');
  const { state, diskId: sourceDiskId } = decoded(header);
  await database.transact(async (transaction) => {
    const disk = await findDisk(transaction, diskId);
    assert(disk !== undefined, 'nobody removes a disk that is being received');
    await advancePin(transaction, disk, info.pin);
    const whole = await moveDisk(transaction, diskId, 'Available', { everAttached: true });
    if ((await findSnapshot(transaction, snapshotId)) === undefined)
      await insertSnapshot(
        transaction,
        receivedSnapshot(whole, snapshotId, `received from ${state.snapshotId}`, info, clock.nowMs()),
      );
    await insertReceivedState(transaction, {
      snapshotId,
      accountId: disk.accountId,
      diskId,
      identity: state.identity.toHex(),
      sourceDiskId,
      sourceSnapshotId: state.snapshotId,
      receivedMs: clock.nowMs(),
    });
    await updateTransfer(transaction, transferId, { status: 'Done', failure: null });
  });
  log.info({ transferId, diskId, snapshotId }, 'a disk was received');
  await dataPlane.closeTransfer(transferId, { discard: true }).catch((error: unknown) => {
    log.warn({ transferId, reason: messageOf(error) }, 'a spool that is not needed any more could not be removed yet');
  });
}

async function newDisk(parts: TransferParts, row: Transfer) {
  const { database, random, clock } = parts;
  const { target, header } = row;
  const region = findRegion(row.regionId);
  assert(target !== null && header !== null && region !== undefined, 'a full stream has a target');
  if (row.diskId !== null) await takeBack(parts, row, row.failure);
  const diskId = mintId(random, 'd', region);
  const snapshotId = mintId(random, 's', region);
  const fresh = await freshKey(parts, row, await withDefault(parts, row, target), diskId);
  const dataKey = wiped({ suite: fresh.suite, key: fresh.plaintext });
  const { diskSizeBytes, diskId: sourceDiskId } = decoded(header);
  const disk: Disk = {
    ...FRESH_DISK,
    diskId,
    accountId: row.accountId,
    regionId: row.regionId,
    zoneId: target.zoneId,
    name: target.name,
    description: `received from ${sourceDiskId}`,
    category: DEFAULT_DISK_CATEGORY,
    // Disks below 20 GiB exist as PL0 alone.
    performanceLevel: diskSizeBytes < 20 * GiB ? 'PL0' : DEFAULT_PERFORMANCE_LEVEL,
    sizeGib: diskSizeBytes / GiB,
    encrypted: fresh.kmsKeyId !== null,
    kmsKeyId: fresh.kmsKeyId,
    suite: fresh.suite,
    wrappedKey: fresh.wrapped,
    wrappedBy: fresh.kmsKeyId !== null ? 'kms' : 'root',
    sourceSnapshotId: null,
    tags: [],
    createdMs: clock.nowMs(),
  };
  const begun = await database.transact(async (transaction) => {
    await insertDisk(transaction, disk);
    return updateTransfer(transaction, row.transferId, { status: 'Applying', diskId, snapshotId });
  });
  return { row: begun, disk, dataKey };
}

async function atBase(parts: TransferParts, row: Transfer) {
  const { database, dataKeys, random } = parts;
  const { diskId, header } = row;
  const region = findRegion(row.regionId);
  assert(diskId !== null && header !== null && region !== undefined, 'an incremental stream has a disk');
  const wanted = decoded(header).diskSizeBytes;
  const known = await findDisk(database.read, diskId);
  if (known === undefined) throw unknownDisk(diskId);
  const dataKey = await openDataKey(dataKeys, dataKeyOfDisk(known)).catch((error: unknown) => {
    throw keyError(error, 'CreateSnapshot');
  });
  try {
    return await database.transact(async (transaction) => {
      const disk = await findDisk(transaction, diskId);
      if (disk === undefined) throw unknownDisk(diskId);
      if (disk.sizeGib * GiB < wanted)
        throw new ApiError(
          'InvalidStream.Size',
          403,
          `The disk that is sent has grown to ${wanted / GiB} GiB; resize disk ${diskId} to that first.`,
        );
      if (row.status === 'Applying') return { row, disk, dataKey };
      await refuseUnlessAvailable(transaction, disk);
      await moveDisk(transaction, diskId, 'ReIniting');
      const changes = { status: 'Applying' as const, snapshotId: mintId(random, 's', region) };
      return { row: await updateTransfer(transaction, row.transferId, changes), disk, dataKey };
    });
  } catch (error) {
    dataKey[Symbol.dispose]();
    throw error;
  }
}

/** Where the account has default encryption on, what a stream becomes is encrypted. Source: facts.md section 7. */
async function withDefault(
  { database }: TransferParts,
  scope: Transfer,
  target: TransferTarget,
): Promise<TransferTarget> {
  const found = await findDiskEncryptionDefault(database.read, scope);
  return found === undefined ? target : { ...target, encrypted: true, keyId: target.keyId ?? found.kmsKeyId };
}

async function freshKey(
  { dataKeys }: TransferParts,
  { accountId, regionId }: Transfer,
  { encrypted, keyId }: TransferTarget,
  diskId: string,
): Promise<Omit<GeneratedDiskKey, 'kmsKeyId'> & { readonly kmsKeyId: string | null }> {
  if (!encrypted) return { ...dataKeys.generatePlain({ diskId }), kmsKeyId: null };
  try {
    return await dataKeys.generate({ accountId, regionId, diskId, keyId: keyId ?? undefined });
  } catch (error) {
    throw keyError(error, 'CreateDisk');
  }
}

function receivedSnapshot(
  disk: Disk,
  snapshotId: string,
  description: string,
  info: TransferInfo,
  nowMs: number,
): Snapshot {
  return {
    snapshotId,
    accountId: disk.accountId,
    regionId: disk.regionId,
    sourceDiskId: disk.diskId,
    sourceDiskType: disk.type,
    sourceInstanceId: null,
    name: '',
    description,
    type: 'user',
    category: 'standard',
    sizeGib: disk.sizeGib,
    status: 'accomplished',
    progress: 100,
    encrypted: disk.encrypted,
    kmsKeyId: disk.kmsKeyId,
    suite: disk.suite,
    wrappedKey: disk.wrappedKey,
    wrappedBy: disk.wrappedBy,
    pin: info.pin ?? null,
    retentionDays: null,
    resourceGroupId: null,
    tags: [],
    createdMs: nowMs,
    modifiedMs: nowMs,
  };
}
