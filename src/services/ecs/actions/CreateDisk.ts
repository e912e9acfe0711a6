import type { Action, Call } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { CreateDiskInput, CreateDiskOutput } from '../../../api/generated/ecs.ts';
import { findDiskEncryptionDefault } from '../../../metadata/disk-encryption-defaults.ts';
import type { Disk } from '../../../metadata/disks.ts';
import { findSnapshot, type Snapshot } from '../../../metadata/snapshots.ts';
import { ecsAccess } from '../access.ts';
import { dataPlaneError } from '../data-plane-errors.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { checkEncryptionParameters, decideEncryption, type DiskEncryption } from '../disk-encryption.ts';
import { provisionDisk } from '../disk-provision.ts';
import { checkedDiskRequest, checkedSizeGib, type DiskRequest } from '../disk-request.ts';
import { FRESH_DISK } from '../fresh-disk.ts';
import { keyError } from '../key-errors.ts';
import { mintId } from '../resource-ids.ts';
import { unknownSnapshot } from '../refusals.ts';
import { wiped } from '../stored-data-key.ts';

type Parts = Pick<
  EcsDependencies,
  'database' | 'dataPlane' | 'dataKeys' | 'rotations' | 'clock' | 'random' | 'log' | 'limits'
>;

/**
 * Makes a data disk, blank or from a snapshot, encrypted or not. The order of checks is that of decisions.md B7;
 * after the last one the disk is made whole or not at all.
 */
export function CreateDisk(deps: Parts): Action<CreateDiskInput, CreateDiskOutput> {
  return {
    product: 'ecs',
    name: 'CreateDisk',
    access: ({ input, caller, regionId }) => [
      ecsAccess('ecs:CreateDisk', caller, regionId, 'disk/*'),
      ...(input.SnapshotId === undefined
        ? []
        : [ecsAccess('ecs:CreateDisk', caller, regionId, `snapshot/${input.SnapshotId}`)]),
    ],
    run: async (call) => {
      const { input, caller, regionId } = call;
      checkEncryptionParameters(input);
      const request = checkedDiskRequest(input, regionId);
      const snapshot =
        request.snapshotId === undefined ? undefined : await usableSnapshot(deps, call, request.snapshotId);
      const sizeGib = checkedSizeGib(request, snapshot);
      const encryption = decideEncryption(input, request, snapshot, {
        accountId: caller.accountId,
        defaultKeyId: (await findDiskEncryptionDefault(deps.database.read, { ...caller, regionId }))?.kmsKeyId,
        limits: deps.limits,
      });
      const diskId = mintId(deps.random, 'd', request.region);
      const fresh = await freshKey(deps, encryption, { accountId: caller.accountId, regionId, diskId });
      using dataKey = wiped({ suite: fresh.suite, key: fresh.plaintext });
      const disk = newDisk(request, {
        diskId,
        accountId: caller.accountId,
        sizeGib,
        encrypted: encryption.kind !== 'plain',
        kmsKeyId: fresh.kmsKeyId,
        suite: fresh.suite,
        wrappedKey: fresh.wrapped,
        wrappedBy: encryption.kind === 'plain' ? 'root' : 'kms',
        createdMs: deps.clock.nowMs(),
      });
      try {
        const answer = { idempotencyKey: call.idempotencyKey, output: { DiskId: diskId } };
        await provisionDisk(deps, disk, dataKey, snapshot, answer);
      } catch (error) {
        throw dataPlaneError(keyError(error, 'CreateDisk'), {
          noSpace: { code: 'OperationDenied', httpStatus: 403 },
        });
      }
      deps.log.info({ diskId, accountId: caller.accountId, regionId, encryption: encryption.kind }, 'disk created');
      return { DiskId: diskId };
    },
  };
}

async function usableSnapshot(
  { database }: Parts,
  { caller, regionId }: Call<CreateDiskInput>,
  snapshotId: string,
): Promise<Snapshot> {
  const snapshot = await findSnapshot(database.read, snapshotId);
  if (snapshot?.accountId !== caller.accountId || snapshot.regionId !== regionId || snapshot.status === 'deleting') {
    throw unknownSnapshot(snapshotId, regionId);
  }
  if (snapshot.status !== 'accomplished') {
    throw new ApiError('InvalidSnapshotId.NotReady', 403, `Snapshot ${snapshotId} is ${snapshot.status}; wait for it.`);
  }
  if (snapshot.sourceDiskType !== 'data') {
    throw new ApiError(
      'InvalidSnapshotId.NotDataDiskSnapshot',
      403,
      `Snapshot ${snapshotId} is of a system disk; data disks are made from snapshots of data disks.`,
    );
  }
  return snapshot;
}

interface FreshKey {
  readonly kmsKeyId: string | null;
  readonly suite: Disk['suite'];
  readonly plaintext: Uint8Array;
  readonly wrapped: Uint8Array;
}

async function freshKey(
  { dataKeys }: Parts,
  encryption: DiskEncryption,
  owner: { readonly accountId: string; readonly regionId: string; readonly diskId: string },
): Promise<FreshKey> {
  if (encryption.kind === 'plain') return { ...dataKeys.generatePlain(owner), kmsKeyId: null };
  let made: FreshKey;
  try {
    made = await dataKeys.generate(encryption.kind === 'key' ? { ...owner, keyId: encryption.reference } : owner);
  } catch (error) {
    throw keyError(error, 'CreateDisk');
  }
  if (encryption.suite === undefined || encryption.suite === made.suite) return made;
  made.plaintext.fill(0);
  throw new ApiError(
    'InvalidEncryptAlgorithm',
    400,
    'EncryptAlgorithm does not fit the key: AES-256 needs an Aliyun_AES_256 key, SM4-128 an Aliyun_SM4 key.',
  );
}

function newDisk(
  request: DiskRequest,
  own: Pick<
    Disk,
    'diskId' | 'accountId' | 'sizeGib' | 'encrypted' | 'kmsKeyId' | 'suite' | 'wrappedKey' | 'wrappedBy' | 'createdMs'
  >,
): Disk {
  return {
    ...FRESH_DISK,
    ...own,
    regionId: request.region.regionId,
    zoneId: request.zoneId,
    name: request.name,
    description: request.description,
    category: request.category,
    performanceLevel: request.performanceLevel ?? null,
    sourceSnapshotId: request.snapshotId ?? null,
    tags: request.tags,
  };
}
