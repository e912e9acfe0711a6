import { ApiError } from '../../api/errors.ts';
import type { DataPlane } from '../../dataplane/data-plane.ts';
import type { Database } from '../../metadata/database.ts';
import type { Disk } from '../../metadata/disks.ts';
import { findExportOfDisk } from '../../metadata/exports.ts';
import { dataPlaneError, type DataPlaneRefusals } from './data-plane-errors.ts';

/**
 * An export that is not being served comes back by itself; opening the disk behind its back would hide from it whether
 * the disk was closed in order.
 * @throws {ApiError} 403 IncorrectDiskStatus.
 */
export async function refuseUnlessServed(
  { database, dataPlane }: { readonly database: Database; readonly dataPlane: DataPlane },
  disk: Disk,
  refusals: DataPlaneRefusals,
): Promise<void> {
  const exported = await findExportOfDisk(database.read, disk.diskId);
  if (exported === undefined) return;
  let served;
  try {
    served = await dataPlane.listExports();
  } catch (error) {
    throw dataPlaneError(error, refusals);
  }
  const info = served.find(({ exportId }) => exportId === exported.exportId);
  if (exported.status === 'Serving' && info?.status === 'Serving') return;
  const status = exported.status === 'Serving' ? (info?.status ?? 'Reopening') : exported.status;
  throw new ApiError(
    'IncorrectDiskStatus',
    403,
    `Export ${exported.exportId} of disk ${disk.diskId} is ${status}; wait until it serves again, or unexport it.`,
  );
}
