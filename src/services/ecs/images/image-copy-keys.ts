import type { Call } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { CopyImageInput } from '../../../api/generated/ecs.ts';
import type { ImageDevice } from '../../../metadata/images.ts';
import type { Snapshot } from '../../../metadata/snapshots.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { suiteOfAlgorithm } from '../disk-encryption.ts';
import { keyError } from '../key-errors.ts';
import type { Region } from '../regions.ts';
import { mintId } from '../resource-ids.ts';
import { dataKeyOfSnapshot, openDataKey } from '../stored-data-key.ts';
import { keyOfCopy, type CopyEncryption } from './image-copy-request.ts';
import type { UsableDevice, UsableImage } from './image-use.ts';

type Parts = Pick<EcsDependencies, 'dataKeys' | 'clock' | 'random'>;

interface CopyOwner {
  readonly accountId: string;
  readonly regionId: string;
  readonly region: Region;
  readonly imageId: string;
  readonly call: Call<CopyImageInput>;
}

/** A disk of a copy, and the row of the snapshot that it will be made from. */
export interface FreshCopy {
  readonly device: ImageDevice;
  readonly snapshot: Snapshot | undefined;
}

/**
 * Makes the data keys of a copy, one for each snapshot. The keys of the source have to be usable, too: they are opened once.
 * @throws {ApiError} the refusals of keys that CopyImage has; InvalidEncryptAlgorithm.
 */
export async function freshCopies(
  deps: Parts,
  source: UsableImage,
  encryption: CopyEncryption,
  owner: CopyOwner,
): Promise<readonly FreshCopy[]> {
  const made: FreshCopy[] = [];
  for (const { snapshot, ...device } of source.devices) {
    const { imported: _here, ...own } = device;
    const copy = snapshot === undefined ? undefined : await freshSnapshot(deps, snapshot, encryption, owner);
    made.push({ device: { ...own, snapshotId: copy?.snapshotId ?? null }, snapshot: copy });
  }
  return made;
}

async function freshSnapshot(
  deps: Parts,
  source: NonNullable<UsableDevice['snapshot']>,
  encryption: CopyEncryption,
  { accountId, regionId, region, imageId, call }: CopyOwner,
): Promise<Snapshot> {
  const storeId = mintId(deps.random, 'd', region);
  const scope = { accountId, regionId, diskId: storeId };
  const isPlain = encryption.kind === 'plain';
  let made;
  try {
    using _usable = await openDataKey(deps.dataKeys, dataKeyOfSnapshot(source), accountId);
    made = isPlain
      ? { ...deps.dataKeys.generatePlain(scope), kmsKeyId: null }
      : await deps.dataKeys.generate({ ...scope, keyId: keyOfCopy(encryption, source) });
  } catch (error) {
    throw keyError(error, 'CopyImage');
  }
  made.plaintext.fill(0);
  const asked = suiteOfAlgorithm(call.input.EncryptAlgorithm);
  if (asked !== undefined && asked !== made.suite)
    throw new ApiError(
      'InvalidEncryptAlgorithm',
      400,
      'EncryptAlgorithm does not fit the key: AES-256 needs an Aliyun_AES_256 key, SM4-128 an Aliyun_SM4 key.',
    );
  const nowMs = deps.clock.nowMs();
  return {
    ...source,
    snapshotId: mintId(deps.random, 's', region),
    accountId,
    regionId,
    sourceDiskId: storeId,
    sourceInstanceId: null,
    name: '',
    description: `Copied for image ${imageId}.`,
    type: 'user',
    status: 'progressing',
    progress: 0,
    encrypted: !isPlain,
    kmsKeyId: made.kmsKeyId,
    suite: made.suite,
    wrappedKey: made.wrapped,
    wrappedBy: isPlain ? 'root' : 'kms',
    pin: null,
    retentionDays: null,
    resourceGroupId: null,
    tags: [],
    createdMs: nowMs,
    modifiedMs: nowMs,
  };
}
