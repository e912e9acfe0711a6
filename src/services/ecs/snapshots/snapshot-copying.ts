import { SystemError } from '../../../base/errors.ts';
import { GiB } from '../../../base/units.ts';
import type { Database } from '../../../metadata/database.ts';
import { deleteSnapshot, updateSnapshot, type Snapshot } from '../../../metadata/snapshots.ts';
import type { DataKey, DataPlane } from '../../../dataplane/data-plane.ts';
import { pinOfSource } from '../disk-provision.ts';
import { moveSnapshot } from '../status-changes.ts';
import { dataKeyOfSnapshot, openDataKey, type DataKeys } from '../stored-data-key.ts';

export interface CopyingParts {
  readonly database: Database;
  readonly dataPlane: DataPlane;
  readonly dataKeys: DataKeys;
}

/** Progress of a copy, in percent, from which on its store is there. */
const MADE = 1;

/** How far a copy is: 0 to 1. */
export interface CopyingState {
  readonly isDone: boolean;
  readonly share: number;
}

/**
 * Brings the copy of a snapshot one step further, from wherever it stands; nothing is lost or done twice when the process
 * dies at any point. The copy lies in a hidden store of its own, whose id is its `sourceDiskId`:
 *
 * 1. the store is cloned from the source, under the copy's own data key;
 * 2. what it took over is sealed anew under that, unless source and copy are under one key of one account;
 * 3. the copy is taken as a snapshot of it, and known as accomplished;
 * 4. the store goes, its snapshot stays.
 *
 * From the end of 2 on no key of the source opens anything of the copy (decisions.md C13).
 * @param copy in status progressing or accomplished.
 * @throws {SystemError} `unavailable`: try again later; a `DiskKeyRefusal`, or of the disk server: it cannot go on.
 */
export async function continueCopy(parts: CopyingParts, copy: Snapshot, source: Snapshot): Promise<CopyingState> {
  const { database, dataPlane } = parts;
  const { snapshotId, sourceDiskId: storeId } = copy;
  if (copy.status === 'progressing') {
    if (copy.progress < MADE) {
      await makeStore(parts, copy, source);
      await database.transact((transaction) => updateSnapshot(transaction, snapshotId, { progress: MADE }));
      return { isDone: false, share: 0 };
    }
    using key = await openDataKey(parts.dataKeys, dataKeyOfSnapshot(copy));
    const share = await sealedShare(parts, copy, key);
    if (share < 1) return { isDone: false, share };
    const pin = await dataPlane.createSnapshot(storeId, snapshotId, again(key), undefined).catch(alreadyThere);
    await database.transact((transaction) =>
      moveSnapshot(transaction, snapshotId, 'accomplished', { progress: 100, ...(pin !== undefined && { pin }) }),
    );
  }
  await dataPlane.deleteDisk(storeId, { keep: [snapshotId], drop: [] });
  return { isDone: true, share: 1 };
}

/** Removes what there is of a copy, and its row. Needs no key. */
export async function dropCopy(
  { database, dataPlane }: Pick<CopyingParts, 'database' | 'dataPlane'>,
  { snapshotId, sourceDiskId: storeId }: Snapshot,
): Promise<void> {
  await dataPlane.deleteDisk(storeId, { keep: [], drop: [snapshotId] });
  await dataPlane.deleteSnapshot(storeId, snapshotId);
  await database.transact((transaction) => deleteSnapshot(transaction, snapshotId));
}

/** Harmless twice. Needs the key of the source, which nothing after it does. */
async function makeStore(parts: CopyingParts, copy: Snapshot, source: Snapshot): Promise<void> {
  const { sourceDiskId: storeId, encrypted, wrappedKey } = copy;
  using key = await openDataKey(parts.dataKeys, dataKeyOfSnapshot(copy));
  using sourceKey = await openDataKey(parts.dataKeys, dataKeyOfSnapshot(source), copy.accountId);
  const isOneKey = source.accountId === copy.accountId && source.kmsKeyId === copy.kmsKeyId;
  const pin = await pinOfSource(parts, source);
  const { sourceDiskId: diskId, snapshotId } = source;
  await parts.dataPlane
    .cloneDisk(
      { diskId, snapshotId, dataKey: sourceKey, pin },
      { diskId: storeId, sizeBytes: copy.sizeGib * GiB, encrypted, wrappedKey },
      key,
      { independent: encrypted && !isOneKey },
    )
    .catch(alreadyThere);
}

/** How much of the store is sealed under its own key; goes on with the rest. */
async function sealedShare(
  { dataPlane }: CopyingParts,
  { sourceDiskId: diskId }: Snapshot,
  key: DataKey,
): Promise<number> {
  const state =
    (await dataPlane.continueReencryption({ diskId, dataKeys: [], pin: undefined })) ??
    (await dataPlane.continueReencryption({ diskId, dataKeys: [again(key)], pin: undefined }));
  if (state?.progress === undefined) return 1;
  const { bytesDone, bytesTotal } = state.progress;
  return bytesTotal === 0 ? 0 : Math.min(0.99, bytesDone / bytesTotal);
}

/** The data plane wipes each key that it is handed. */
function again({ suite, key }: DataKey): DataKey {
  return { suite, key: Uint8Array.from(key) };
}

/** What was done before the process died. */
function alreadyThere(error: unknown): undefined {
  if (error instanceof SystemError && ['DISK_EXISTS', 'SNAPSHOT_EXISTS'].includes(error.code)) return undefined;
  throw error;
}
