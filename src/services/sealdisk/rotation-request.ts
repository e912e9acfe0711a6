import { ApiError } from '../../api/errors.ts';
import { MiB } from '../../base/units.ts';
import type { DataPlane } from '../../dataplane/data-plane.ts';
import type { Database } from '../../metadata/database.ts';
import { findDisk, type Disk } from '../../metadata/disks.ts';
import { findExportOfDisk } from '../../metadata/exports.ts';
import type { DiskRotations } from '../ecs/disk-rotations.ts';
import { unknownDisk } from '../ecs/refusals.ts';

export interface RotationDependencies {
  readonly database: Database;
  readonly dataPlane: DataPlane;
  readonly rotations: DiskRotations;
}

export const NO_SPACE = { noSpace: { code: 'OperationDenied', httpStatus: 403 } };

const RATE_MIB_MAX = 16_384;

/** @throws {ApiError} 404 InvalidDiskId.NotFound. */
export async function ownDisk({ database }: RotationDependencies, diskId: string, accountId: string): Promise<Disk> {
  const disk = await findDisk(database.read, diskId);
  if (disk?.accountId !== accountId || disk.status === 'Deleting') throw unknownDisk(diskId);
  return disk;
}

/** A disk that may be written. @throws {ApiError} InvalidDiskId.NotFound, IncorrectDiskStatus. */
export async function writableDisk(deps: RotationDependencies, diskId: string, accountId: string): Promise<Disk> {
  const disk = await ownDisk(deps, diskId, accountId);
  if (disk.status !== 'Available' && disk.status !== 'In_use')
    throw new ApiError('IncorrectDiskStatus', 403, `Disk ${diskId} is ${disk.status}; wait until it is Available.`);
  const exported = await findExportOfDisk(deps.database.read, diskId);
  if (exported?.readOnly === true)
    throw new ApiError(
      'IncorrectDiskStatus',
      403,
      `Disk ${diskId} is open for reading only, as export ${exported.exportId}; unexport it first.`,
    );
  return disk;
}

/** Bytes a second; 0, which is the default, is no limit. @throws {ApiError} InvalidParameter.RateMiB. */
export function checkedRate(rateMib = 0): number {
  if (!Number.isInteger(rateMib) || rateMib < 0 || rateMib > RATE_MIB_MAX)
    throw new ApiError(
      'InvalidParameter.RateMiB',
      400,
      `RateMiB is a whole number from 1 to ${RATE_MIB_MAX}, or 0 for no limit.`,
    );
  return rateMib * MiB;
}
