import { ApiError } from '../../../api/errors.ts';
import type { DataKey } from '../../../dataplane/data-plane.ts';
import { findDisk, type Disk } from '../../../metadata/disks.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { listSnapshotsOfDisk } from '../../../metadata/snapshots.ts';
import { dataPlaneError, type DataPlaneRefusals } from '../data-plane-errors.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { SNAPSHOT_DISK_STATUSES } from '../disk-lifecycle.ts';
import { refuseChangedKey } from '../key-changes.ts';
import { keyError, type KeyUse } from '../key-errors.ts';
import { unknownDisk, unknownRegion } from '../refusals.ts';
import { findRegion } from '../regions.ts';
import { mintId } from '../resource-ids.ts';
import { refuseUnlessServed } from '../served-disk.ts';
import { provisionSnapshot } from '../snapshot-provision.ts';
import type { SnapshotRequest } from '../snapshot-request.ts';
import { dataKeyOfDisk, openDataKey } from '../stored-data-key.ts';
import type { RecordedAnswer } from '../disk-provision.ts';
import { newSnapshot } from './new-snapshot.ts';

type Parts = Pick<EcsDependencies, 'database' | 'dataPlane' | 'dataKeys' | 'clock' | 'random' | 'log'>;

/** Manual snapshots of one disk. Source: facts.md 4.11. */
const SNAPSHOTS_MAX = 256;

/** A disk that a snapshot can be taken of, and its data key, which is wiped with it. */
export interface OpenedSource extends Disposable {
  readonly disk: Disk;
  readonly dataKey: DataKey;
}

/**
 * Opens the data key of a disk for a snapshot. Needs the disk's KMS key to be usable (decisions.md C1).
 * @throws {ApiError} refusals of disks, and those of keys that `use` has.
 */
export async function openForSnapshot(
  deps: Pick<Parts, 'database' | 'dataPlane' | 'dataKeys'>,
  diskId: string,
  { accountId, use, refusals }: { accountId: string; use: KeyUse; refusals: DataPlaneRefusals },
): Promise<OpenedSource> {
  let disk = await snapshotSource(deps.database.read, diskId, accountId);
  let dataKey;
  try {
    await deps.dataKeys.settled(dataKeyOfDisk(disk));
    disk = await snapshotSource(deps.database.read, diskId, accountId);
    dataKey = await openDataKey(deps.dataKeys, dataKeyOfDisk(disk));
  } catch (error) {
    throw keyError(error, use);
  }
  const wipe = dataKey[Symbol.dispose];
  try {
    await refuseUnlessServed(deps, disk, refusals);
  } catch (error) {
    wipe();
    throw error;
  }
  return { disk, dataKey, [Symbol.dispose]: wipe };
}

/** Takes the snapshot whose source was opened: whole or not at all. */
export async function takeSnapshot(
  deps: Parts,
  { disk, dataKey }: OpenedSource,
  request: SnapshotRequest,
  options: { readonly snapshotId: string; readonly answer: RecordedAnswer; readonly refusals: DataPlaneRefusals },
): Promise<void> {
  const snapshot = newSnapshot(options.snapshotId, disk, request, deps.clock.nowMs());
  const recheck = async (reader: Reader): Promise<void> => {
    await snapshotSource(reader, disk.diskId, disk.accountId);
    await refuseChangedKey(reader, disk);
  };
  try {
    await provisionSnapshot(deps, snapshot, dataKey, recheck, options.answer);
  } catch (error) {
    throw dataPlaneError(error, options.refusals);
  }
  const { snapshotId, accountId } = snapshot;
  deps.log.info({ snapshotId, diskId: disk.diskId, accountId }, 'snapshot taken');
}

/** An id for a snapshot of the disk. */
export function mintSnapshotId({ random }: Pick<Parts, 'random'>, { regionId }: Disk): string {
  const region = findRegion(regionId);
  if (region === undefined) throw unknownRegion(regionId);
  return mintId(random, 's', region);
}

/** The disk, if a snapshot of it can be taken. Source: facts.md 4.3, 4.11. */
export async function snapshotSource(reader: Reader, diskId: string, accountId: string): Promise<Disk> {
  const disk = await findDisk(reader, diskId);
  if (disk?.accountId !== accountId || disk.status === 'Deleting') throw unknownDisk(diskId);
  if (!SNAPSHOT_DISK_STATUSES.includes(disk.status)) {
    throw new ApiError('IncorrectDiskStatus', 403, `Disk ${diskId} is ${disk.status}; wait until it is Available.`);
  }
  if (!disk.everAttached) {
    throw new ApiError(
      'IncorrectDiskStatus.NeverAttached',
      403,
      `Disk ${diskId} was never attached or exported, so there is nothing in it to keep.`,
    );
  }
  const snapshots = await listSnapshotsOfDisk(reader, diskId);
  if (snapshots.some(({ status }) => status === 'progressing')) {
    throw new ApiError(
      'IncorrectDiskStatus.CreatingSnapshot',
      403,
      `Another snapshot of disk ${diskId} is being taken; wait for it.`,
    );
  }
  const manual = snapshots.filter(({ type, status }) => type === 'user' && status !== 'deleting');
  if (manual.length >= SNAPSHOTS_MAX) {
    throw new ApiError(
      'QuotaExceed.Snapshot',
      403,
      `Disk ${diskId} has ${SNAPSHOTS_MAX} snapshots; delete some first.`,
    );
  }
  return disk;
}
