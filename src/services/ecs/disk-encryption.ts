import { ApiError } from '../../api/errors.ts';
import type { CreateDiskInput } from '../../api/generated/ecs.ts';
import type { Suite } from '../../crypto/aead.ts';
import type { Snapshot } from '../../metadata/snapshots.ts';
import { unencryptedRefused } from './default-encryption.ts';
import type { DiskRequest } from './disk-request.ts';
import type { EncryptionLimits } from './encryption-limits.ts';

/** How a new disk is to be encrypted. */
export type DiskEncryption =
  /** Not at all in the API's words: its data key is wrapped by the root key. */
  | { readonly kind: 'plain' }
  /** Under the service key of the account and region, which is an AES key. */
  | { readonly kind: 'service-key'; readonly suite: Suite | undefined }
  /** Under the key of this id or ARN, which `suite` must fit when it is given. */
  | { readonly kind: 'key'; readonly reference: string; readonly suite: Suite | undefined };

const SUITES: Readonly<Record<string, Suite>> = { 'AES-256': 'aes-256-gcm', 'SM4-128': 'sm4-gcm' };

/** The suite that EncryptAlgorithm asks for, if it asks for one. */
export function suiteOfAlgorithm(algorithm: string | undefined): Suite | undefined {
  return algorithm === undefined ? undefined : SUITES[algorithm];
}

type EncryptionInput = Pick<CreateDiskInput, 'Encrypted' | 'KMSKeyId' | 'EncryptAlgorithm'>;

/** Checks what can be judged from the parameters alone. Source: facts.md 3.2; decisions.md B4. */
export function checkEncryptionParameters({ Encrypted, KMSKeyId, EncryptAlgorithm }: EncryptionInput): void {
  if (KMSKeyId !== undefined && Encrypted !== true) {
    throw new ApiError(
      'InvalidParameter.EncryptedIllegal',
      400,
      'KMSKeyId is given but Encrypted is not true; set Encrypted=true, or leave KMSKeyId out.',
    );
  }
  if (EncryptAlgorithm === undefined) return;
  if (SUITES[EncryptAlgorithm] === undefined) {
    throw new ApiError('InvalidEncryptAlgorithm', 400, 'EncryptAlgorithm must be AES-256 or SM4-128.');
  }
  if (Encrypted !== true) {
    throw new ApiError(
      'InvalidEncrypted.NotMatchEncryptAlgorithm',
      400,
      'EncryptAlgorithm is given but Encrypted is not true; set Encrypted=true, or leave EncryptAlgorithm out.',
    );
  }
}

/** What the account brings to the decision. */
export interface EncryptionStanding {
  readonly accountId: string;
  /** Of default encryption, where the account has switched it on. */
  readonly defaultKeyId: string | undefined;
  readonly limits: EncryptionLimits;
}

/**
 * Decides how the disk is encrypted. Source: facts.md 1.13 and section 7; decisions.md A4b, A5, A9, B5, H.
 * @param snapshot of another account when it is of an image that is shared with this one.
 */
export function decideEncryption(
  input: EncryptionInput,
  request: DiskRequest,
  snapshot: Snapshot | undefined,
  { accountId, defaultKeyId, limits }: EncryptionStanding,
): DiskEncryption {
  const asked = input.EncryptAlgorithm === undefined ? undefined : SUITES[input.EncryptAlgorithm];
  const isReceived = snapshot !== undefined && snapshot.accountId !== accountId;
  if (isReceived && snapshot.encrypted) {
    if (input.Encrypted === false) throw encryptedAlways('The image that is shared with this account');
    refuseCategory(request.category, limits);
    return underOwnKey(input.KMSKeyId, asked);
  }
  if (snapshot?.encrypted === true) {
    refuseOtherThanSnapshot(input, snapshot, asked, accountId);
    refuseCategory(request.category, limits);
    return { kind: 'key', reference: snapshot.kmsKeyId ?? '', suite: snapshot.suite };
  }
  if (defaultKeyId === undefined && input.Encrypted !== true) return { kind: 'plain' };
  if (input.Encrypted === false) throw unencryptedRefused(request.region.regionId);
  if (isReceived) throw receivedPlain();
  if (snapshot === undefined) refuseCategory(request.category, limits);
  else refuseFromPlainSnapshot(request, limits);
  return underOwnKey(input.KMSKeyId ?? defaultKeyId, asked);
}

/** @param reference of the key that was named; undefined for the service key. */
function underOwnKey(reference: string | undefined, asked: Suite | undefined): DiskEncryption {
  if (reference !== undefined) return { kind: 'key', reference, suite: asked };
  if (asked === 'sm4-gcm') {
    throw new ApiError(
      'InvalidEncryptAlgorithm',
      400,
      'The service key encrypts with AES-256; for SM4-128 give the KMSKeyId of an Aliyun_SM4 key.',
    );
  }
  return { kind: 'service-key', suite: asked };
}

/** A disk from an encrypted snapshot is encrypted with the snapshot's key, asked for or not. */
function refuseOtherThanSnapshot(
  input: EncryptionInput,
  snapshot: Snapshot,
  asked: Suite | undefined,
  accountId: string,
): void {
  if (input.Encrypted === false) throw encryptedAlways(`Snapshot ${snapshot.snapshotId}`);
  const key = snapshot.kmsKeyId ?? '';
  const names = [key, `acs:kms:${snapshot.regionId}:${accountId}:key/${key}`];
  if (input.KMSKeyId !== undefined && !names.includes(input.KMSKeyId)) {
    throw new ApiError(
      'InvalidKmsKeyId.NotMatchSnapshot',
      400,
      `Snapshot ${snapshot.snapshotId} is encrypted under another key; leave KMSKeyId out to use the snapshot's.`,
    );
  }
  if (asked !== undefined && asked !== snapshot.suite) {
    throw new ApiError(
      'InvalidEncryptAlgorithm.NotMatchSnapshot',
      400,
      `Snapshot ${snapshot.snapshotId} is encrypted with another algorithm; leave EncryptAlgorithm out.`,
    );
  }
}

function encryptedAlways(source: string): ApiError {
  return new ApiError(
    'InvalidEncrypted.NotMatchSnapshot',
    403,
    `${source} is encrypted, and so is every disk made from it; leave Encrypted out or set it to true.`,
  );
}

/** Source: mission row M14; decisions.md A9. */
function receivedPlain(): ApiError {
  return new ApiError(
    'NotSupportSnapshotEncrypted.ShareImage',
    400,
    'The image belongs to another account and is not encrypted, so that no encrypted disk can be made of it; copy it with CopyImage and Encrypted=true, and use the copy.',
  );
}

function refuseCategory(category: string, limits: EncryptionLimits): void {
  if (limits.blankCategories.includes(category)) return;
  throw new ApiError(
    'InvalidParameter.EncryptedNotSupported',
    400,
    `Disks of category ${category} cannot be encrypted; choose one of ${limits.blankCategories.join(', ')}.`,
  );
}

function refuseFromPlainSnapshot({ region, zoneId, category }: DiskRequest, limits: EncryptionLimits): void {
  const where = `Encrypting a disk from an unencrypted snapshot is possible only in ${limits.fromPlainSnapshotZones.join(', ')}.`;
  if (!region.zoneIds.some((zone) => limits.fromPlainSnapshotZones.includes(zone))) {
    throw new ApiError('NotSupportSnapshotEncrypted.RegionId', 400, where);
  }
  if (!limits.fromPlainSnapshotZones.includes(zoneId)) {
    throw new ApiError('NotSupportSnapshotEncrypted.ZoneId', 400, where);
  }
  if (!limits.fromPlainSnapshotCategories.includes(category)) {
    throw new ApiError(
      'NotSupportSnapshotEncrypted.DiskCategory',
      403,
      `Encrypting a disk from an unencrypted snapshot needs one of the categories ${limits.fromPlainSnapshotCategories.join(', ')}.`,
    );
  }
}
