import type { DataKey } from '../../dataplane/data-plane.ts';
import type { Disk } from '../../metadata/disks.ts';
import type { Snapshot } from '../../metadata/snapshots.ts';
import type { DiskKeys } from '../../kms/data-keys.ts';

/** A data key in its wrapped form, as disks and snapshots keep it. */
export interface StoredDataKey {
  readonly accountId: string;
  readonly regionId: string;
  /** The disk that the wrapped form is bound to. */
  readonly diskId: string;
  readonly kmsKeyId: string | null;
  readonly suite: DataKey['suite'];
  readonly wrappedKey: Uint8Array;
  readonly wrappedBy: 'kms' | 'root';
}

/** Makes and opens the data keys of disks. Implementation: disk-rotations.ts, over the key engine. */
export interface DataKeys extends Pick<
  DiskKeys,
  'choose' | 'generate' | 'generatePlain' | 'open' | 'openPlain' | 'openForReceiver' | 'sharingObstacle'
> {
  /** The key that the disk has now, where a change of it was cut short. @throws as opening a key does. */
  settled(stored: StoredDataKey): Promise<StoredDataKey>;
}

export function dataKeyOfDisk(disk: Disk): StoredDataKey {
  return disk;
}

/** A snapshot keeps the data key of its source disk, bound to that disk (decisions.md C13). */
export function dataKeyOfSnapshot(snapshot: Snapshot): StoredDataKey {
  return { ...snapshot, diskId: snapshot.sourceDiskId };
}

/**
 * Opens a data key: through KMS and the account's role, or under the root key for an unencrypted disk.
 * Give it a `using`: the key is wiped at the end of the block.
 * @param user the account for which it is opened. For another one than its own, which an image was shared with, the sharing
 *   role decides; that the image is shared with it is the caller's to know.
 * @throws {SystemError} code a `DiskKeyRefusal`; kind `corrupt`.
 */
export async function openDataKey(
  dataKeys: DataKeys,
  stored: StoredDataKey,
  user = stored.accountId,
): Promise<DataKey & Disposable> {
  const settled = await dataKeys.settled(stored);
  const { accountId, regionId, diskId, kmsKeyId, suite, wrappedKey: wrapped, wrappedBy } = settled;
  if (wrappedBy === 'root' || user === accountId) return openWrapped(dataKeys, settled);
  const received = { accountId, regionId, receiver: user, kmsKeyId: kmsKeyId ?? '', diskId, suite, wrapped };
  return wiped({ suite, key: await dataKeys.openForReceiver(received) });
}

/** The same, of a key of which it is known whose it is. */
export async function openWrapped(
  dataKeys: Pick<DataKeys, 'open' | 'openPlain'>,
  stored: StoredDataKey,
): Promise<DataKey & Disposable> {
  const { accountId, regionId, diskId, kmsKeyId, suite, wrappedKey: wrapped, wrappedBy } = stored;
  const key =
    wrappedBy === 'kms'
      ? await dataKeys.open({ accountId, regionId, diskId, kmsKeyId: kmsKeyId ?? '', suite, wrapped })
      : dataKeys.openPlain({ diskId, suite, wrapped });
  return wiped({ suite, key });
}

/** The same key, wiped when its block ends. */
export function wiped(dataKey: DataKey): DataKey & Disposable {
  return { ...dataKey, [Symbol.dispose]: () => void dataKey.key.fill(0) };
}
