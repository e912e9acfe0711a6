import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { ResizeDiskInput, ResizeDiskOutput } from '../../../api/generated/ecs.ts';
import { isKind } from '../../../base/errors.ts';
import { GiB } from '../../../base/units.ts';
import { findDisk, updateDisk, type Disk } from '../../../metadata/disks.ts';
import { findExportOfDisk } from '../../../metadata/exports.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { listSnapshotsOfDisk } from '../../../metadata/snapshots.ts';
import { ecsAccessToId } from '../access.ts';
import { dataPlaneError } from '../data-plane-errors.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { isPerformanceLevel, sizeRange } from '../disk-categories.ts';
import { keyError } from '../key-errors.ts';
import { advancePin } from '../pins.ts';
import { unknownDisk } from '../refusals.ts';
import { refuseUnlessServed } from '../served-disk.ts';
import { dataKeyOfDisk, openDataKey } from '../stored-data-key.ts';

type Parts = Pick<EcsDependencies, 'database' | 'dataPlane' | 'dataKeys' | 'log'>;

const NO_SPACE = { noSpace: { code: 'OperationDenied', httpStatus: 403 } };

/**
 * Makes a disk larger, in use or not. Clients of its export see the new size when they connect anew, whatever `Type`
 * says: there is no machine here to restart. The files first, then the row: after a crash in between the call is repeated.
 * Source: facts.md 3.4, ResizeDisk; its error list in apis.md.
 */
export function ResizeDisk(deps: Parts): Action<ResizeDiskInput, ResizeDiskOutput> {
  return {
    product: 'ecs',
    name: 'ResizeDisk',
    access: ({ input, caller, regionId }) => [ecsAccessToId('ecs:ResizeDisk', caller, regionId, 'disk', input.DiskId)],
    run: async ({ input, caller }) => {
      if (input.Type !== undefined && input.Type !== 'online' && input.Type !== 'offline')
        throw new ApiError('InvalidParam.Type', 400, 'Type is online or offline.');
      const disk = await resizableDisk(deps.database.read, input.DiskId, caller.accountId);
      checkSize(disk, input.NewSize);
      let dataKey;
      try {
        dataKey = await openDataKey(deps.dataKeys, dataKeyOfDisk(disk));
      } catch (error) {
        throw keyError(error, 'AttachDisk');
      }
      using _wipedAtTheEnd = dataKey;
      await refuseUnlessServed(deps, disk, NO_SPACE);
      try {
        const pin = await deps.dataPlane.growDisk(disk.diskId, input.NewSize * GiB, dataKey, disk.pin ?? undefined);
        await deps.database.transact(async (transaction) => {
          const current = await findDisk(transaction, disk.diskId);
          if (current === undefined) return;
          await advancePin(transaction, current, pin);
          if (current.sizeGib < input.NewSize) await updateDisk(transaction, disk.diskId, { sizeGib: input.NewSize });
        });
      } catch (error) {
        if (isKind(error, 'invalid')) throw tooSmall(disk, error);
        throw dataPlaneError(error, NO_SPACE);
      }
      deps.log.info({ diskId: disk.diskId, sizeGib: input.NewSize, accountId: caller.accountId }, 'disk resized');
      return {};
    },
  };
}

async function resizableDisk(reader: Reader, diskId: string, accountId: string): Promise<Disk> {
  const disk = await findDisk(reader, diskId);
  if (disk?.accountId !== accountId || disk.status === 'Deleting') throw unknownDisk(diskId);
  if (disk.status !== 'Available' && disk.status !== 'In_use')
    throw new ApiError('IncorrectDiskStatus', 403, `Disk ${diskId} is ${disk.status}; wait until it is Available.`);
  const exported = await findExportOfDisk(reader, diskId);
  if (exported?.readOnly === true)
    throw new ApiError(
      'IncorrectDiskStatus',
      403,
      `Disk ${diskId} is open for reading only, as export ${exported.exportId}; unexport it first.`,
    );
  const snapshots = await listSnapshotsOfDisk(reader, diskId);
  if (snapshots.some(({ status }) => status === 'progressing'))
    throw new ApiError('DiskCreatingSnapshot', 403, `A snapshot of disk ${diskId} is being taken; wait for it.`);
  return disk;
}

function checkSize(disk: Disk, newSizeGib: number): void {
  const level = disk.performanceLevel ?? undefined;
  const range = sizeRange(disk.category, level !== undefined && isPerformanceLevel(level) ? level : undefined);
  if (newSizeGib <= disk.sizeGib) throw tooSmall(disk);
  if (range !== undefined && newSizeGib > range.maximumGiB)
    throw new ApiError(
      'InvalidDiskSize.TooLarge',
      403,
      `A disk of category ${disk.category} has at most ${range.maximumGiB} GiB.`,
    );
}

function tooSmall(disk: Disk, cause?: unknown): ApiError {
  return new ApiError(
    'InvalidDiskSize.TooSmall',
    403,
    `Disk ${disk.diskId} has ${disk.sizeGib} GiB; NewSize has to be larger.`,
    { cause },
  );
}
