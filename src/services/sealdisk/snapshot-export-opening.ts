import { assert } from '../../base/assert.ts';
import { ApiError } from '../../api/errors.ts';
import { isKind } from '../../base/errors.ts';
import { wipeableCopy } from '../../base/wipeable-bytes.ts';
import type { DataKey, ExportInfo } from '../../dataplane/data-plane.ts';
import { findDisk } from '../../metadata/disks.ts';
import type { Reader } from '../../metadata/reader.ts';
import { insertSnapshotExport, updateSnapshotExport, type SnapshotExport } from '../../metadata/snapshot-exports.ts';
import { findSnapshot, type Snapshot } from '../../metadata/snapshots.ts';
import { unknownSnapshot } from '../ecs/refusals.ts';
import { findRegion } from '../ecs/regions.ts';
import { refuseChangedKey } from '../ecs/key-changes.ts';
import { dataKeyOfSnapshot, openWrapped } from '../ecs/stored-data-key.ts';
import type { ExportParts } from './dependencies.ts';
import { mintIdentity, openPsk } from './export-identity.ts';
import { NEVER_OPENED, takeBackExport, type OpenedExport } from './export-opening.ts';

export interface SnapshotExportRequest {
  readonly snapshotId: string;
  readonly baseSnapshotId: string | undefined;
  readonly accountId: string;
  readonly regionId: string;
}

/**
 * Opens a snapshot for NBD clients, beside its disk and other exports, so that a crash leaves an export that serves, or
 * none: the key, the row with no boot, the disk server, the row with the boot. The row keeps the snapshot and its base.
 *
 * @param onLeft as for `openExport`.
 * @throws {ApiError} InvalidSnapshotId.NotFound, InvalidSnapshotId.NotReady, InvalidBaseSnapshotId.Mismatch.
 */
export async function openSnapshotExport(
  parts: ExportParts,
  request: SnapshotExportRequest,
  onLeft: (exportId: string) => void,
): Promise<OpenedExport<SnapshotExport>> {
  const { database, dataKeys, sealer } = parts;
  const snapshot = await usableSnapshots(database.read, request);
  const stored = await dataKeys.settled(dataKeyOfSnapshot(snapshot));
  using dataKey = await openWrapped(dataKeys, stored);
  const row = newRow(parts, snapshot, request.baseSnapshotId);
  const psk = openPsk(sealer, row);
  await database.transact(async (transaction) => {
    await usableSnapshots(transaction, request);
    await refuseChangedKey(transaction, stored);
    await insertSnapshotExport(transaction, row);
  });
  try {
    const info = await serveSnapshot(parts, row, snapshot, dataKey);
    const opened = await database.transact((transaction) =>
      updateSnapshotExport(transaction, row.exportId, { status: 'Serving', bootId: parts.bootId() }),
    );
    return { row: opened, info, psk };
  } catch (error) {
    psk.fill(0);
    if (isKind(error, 'unavailable') || !(await takeBackExport(parts, row))) onLeft(row.exportId);
    throw error;
  }
}

/** Has the disk server serve the snapshot of a row. Leaves the key to the caller. */
export async function serveSnapshot(
  { database, dataPlane, sealer }: ExportParts,
  row: SnapshotExport,
  snapshot: Snapshot,
  dataKey: DataKey,
): Promise<ExportInfo> {
  const { exportId, diskId, name, pskIdentity, snapshotId, baseSnapshotId } = row;
  const psk = openPsk(sealer, row);
  const disk = await findDisk(database.read, diskId);
  try {
    return await dataPlane.openSnapshotExport({
      exportId,
      diskId,
      name,
      readOnly: true,
      pskIdentity,
      psk,
      snapshotId,
      baseSnapshotId: baseSnapshotId ?? undefined,
      dataKey: { suite: dataKey.suite, key: wipeableCopy(dataKey.key) },
      pin: disk?.pin ?? snapshot.pin ?? undefined,
    });
  } finally {
    psk.fill(0);
  }
}

/** The snapshot, if it and its base can be read. */
async function usableSnapshots(
  reader: Reader,
  { snapshotId, baseSnapshotId, accountId, regionId }: SnapshotExportRequest,
): Promise<Snapshot> {
  const own = async (id: string): Promise<Snapshot> => {
    const snapshot = await findSnapshot(reader, id);
    if (snapshot?.accountId !== accountId || snapshot.status === 'deleting') throw unknownSnapshot(id, regionId);
    if (snapshot.status !== 'accomplished')
      throw new ApiError(
        'InvalidSnapshotId.NotReady',
        403,
        `Snapshot ${id} is ${snapshot.status}; wait until it is done.`,
      );
    return snapshot;
  };
  const snapshot = await own(snapshotId);
  if (baseSnapshotId === undefined) return snapshot;
  const base = await own(baseSnapshotId);
  if (base.sourceDiskId !== snapshot.sourceDiskId || base.snapshotId === snapshot.snapshotId)
    throw new ApiError(
      'InvalidBaseSnapshotId.Mismatch',
      403,
      `Snapshot ${baseSnapshotId} is not another snapshot of disk ${snapshot.sourceDiskId}.`,
    );
  return snapshot;
}

function newRow(
  { random, sealer, clock }: ExportParts,
  snapshot: Snapshot,
  baseSnapshotId: string | undefined,
): SnapshotExport {
  const region = findRegion(snapshot.regionId);
  assert(region !== undefined, 'a stored snapshot lies in a region of the catalogue');
  return {
    ...mintIdentity(random, sealer, region),
    snapshotId: snapshot.snapshotId,
    baseSnapshotId: baseSnapshotId ?? null,
    diskId: snapshot.sourceDiskId,
    accountId: snapshot.accountId,
    regionId: snapshot.regionId,
    bootId: NEVER_OPENED,
    status: 'Reopening',
    createdMs: clock.nowMs(),
  };
}
