import type { EntityOf } from './columns.ts';
import { bytes, flag, integer, json, nullable, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';
import { indexTags } from './tags.ts';
import type { Tag } from './tags.ts';

export type DiskStatus = 'Creating' | 'Available' | 'Attaching' | 'In_use' | 'Detaching' | 'ReIniting' | 'Deleting';

/** The engine's `Pin` (src/block/format/pin.ts), as stored. */
export interface StoredPin {
  readonly sequence: number;
  readonly digest: string;
  /** While the disk is being written: how far its log was durable. */
  readonly log?: { readonly segment: number; readonly slot: number };
}

export const disks = new SealedTable(
  'disks',
  {
    diskId: text(),
    accountId: text(),
    regionId: text(),
    zoneId: text(),
    name: text(),
    description: text(),
    type: text<'data' | 'system'>(),
    category: text(),
    /** Only for `cloud_essd`. */
    performanceLevel: nullable(text()),
    provisionedIops: nullable(integer),
    burstingEnabled: flag,
    sizeGib: integer,
    status: text<DiskStatus>(),
    encrypted: flag,
    kmsKeyId: nullable(text()),
    suite: text<'aes-256-gcm' | 'sm4-gcm'>(),
    /** The data key, under the KMS key or the root key. */
    wrappedKey: bytes,
    wrappedBy: text<'kms' | 'root'>(),
    sourceSnapshotId: nullable(text()),
    imageId: nullable(text()),
    /** The account that the image belonged to; null when it is a public one, or there is none. */
    imageOwnerId: nullable(text()),
    deleteAutoSnapshot: flag,
    deleteWithInstance: flag,
    enableAutoSnapshot: flag,
    autoSnapshotPolicyId: nullable(text()),
    portable: flag,
    chargeType: text<'PostPaid' | 'PrePaid'>(),
    multiAttach: text<'Disabled' | 'Enabled' | 'LegacyShared'>(),
    resourceGroupId: nullable(text()),
    tags: json<readonly Tag[]>(),
    instanceId: nullable(text()),
    device: nullable(text()),
    /** What the disk's files must at least have reached; null before the disk exists. */
    pin: nullable(json<StoredPin>()),
    createdMs: integer,
    attachedMs: nullable(integer),
    detachedMs: nullable(integer),
    /** Attached or exported at least once: only then may it be snapshotted. */
    everAttached: flag,
  },
  ['diskId'],
);

export type Disk = EntityOf<typeof disks.columns>;

export const findDisk = (reader: Reader, diskId: string): Promise<Disk | undefined> => disks.find(reader, { diskId });

/** Disks in one status, of all accounts: what an interrupted operation may have left. */
export const listDisksByStatus = (reader: Reader, status: DiskStatus): Promise<Disk[]> =>
  disks.findAll(reader, { status });

/** Disks whose data key the KMS key wraps. */
export const listDisksOfKey = (reader: Reader, kmsKeyId: string): Promise<Disk[]> =>
  disks.findAll(reader, { kmsKeyId });

/** Disks made from the snapshot. */
export const listDisksFromSnapshot = (reader: Reader, sourceSnapshotId: string): Promise<Disk[]> =>
  disks.findAll(reader, { sourceSnapshotId });

export async function insertDisk(transaction: Transaction, disk: Disk): Promise<void> {
  await disks.insert(transaction, disk);
  await indexTags(transaction, disk.diskId, disk.tags);
}

/** @throws {SystemError} kind `not-found`, code `ROW_NOT_FOUND`. */
export async function updateDisk(
  transaction: Transaction,
  diskId: string,
  changes: Partial<Omit<Disk, 'diskId'>>,
): Promise<Disk> {
  const disk = await disks.update(transaction, { diskId }, changes);
  if (changes.tags !== undefined) await indexTags(transaction, diskId, disk.tags);
  return disk;
}

/** @throws {SystemError} kind `conflict`, code `ROW_REFERENCED`: it is exported. */
export async function deleteDisk(transaction: Transaction, diskId: string): Promise<number> {
  await indexTags(transaction, diskId, []);
  return await disks.delete(transaction, { diskId });
}
