import { ApiError } from '../../../api/errors.ts';
import type { CopyImageInput } from '../../../api/generated/ecs.ts';
import type { Snapshot } from '../../../metadata/snapshots.ts';
import { unencryptedRefused } from '../default-encryption.ts';
import { isEncrypted, type UsableImage } from './image-use.ts';

/** What a copy is to be encrypted with; `key` undefined is the service key of its region. */
export type CopyEncryption =
  | { readonly kind: 'plain' }
  /** Everything of it under one key of the region that it is made in: an id, an ARN, or the service key. */
  | { readonly kind: 'key'; readonly reference: string | undefined }
  /** What is encrypted stays under its key; what is not goes under `otherwise`. */
  | { readonly kind: 'same-keys'; readonly otherwise: string | undefined };

/** What decides about a copy beside its parameters. */
export interface CopyStanding {
  readonly regionId: string;
  readonly destinationId: string;
  /** Of default encryption in the destination, where the account has switched it on. */
  readonly defaultKeyId: string | undefined;
}

/**
 * Decides whether an image may be copied there, and how the copy is encrypted. PURE.
 * Source: facts.md 5.5 to 5.7; decisions.md A11, D4, E18; apis.md 0.2, CopyImage.
 * @throws {ApiError} IncorrectDestinationRegion, OperationDenied.SameRegionOnly, OperationDeined.EncryptedSnapshot,
 *   OperationDenied.EncryptSnapshotAcrossRegion, InvalidParam.EncryptedMismatch,
 *   InvalidEncrypted.NotMatchDiskDefaultEncryption.
 */
export function decideCopy(
  { Encrypted, KMSKeyId }: Pick<CopyImageInput, 'Encrypted' | 'KMSKeyId'>,
  source: UsableImage,
  { regionId, destinationId, defaultKeyId }: CopyStanding,
): CopyEncryption {
  const isAcross = regionId !== destinationId;
  const isFromEncrypted = isEncrypted(source);
  if (isAcross && source.origin === 'shared')
    throw denied('OperationDenied.SameRegionOnly', `A shared image is copied within ${regionId} alone.`);
  if (isFromEncrypted && Encrypted === false)
    throw denied('OperationDeined.EncryptedSnapshot', 'The image is encrypted, and so is every copy of it.');
  if (!isAcross && Encrypted !== true)
    throw denied(
      'IncorrectDestinationRegion',
      'Within a region an image is copied to encrypt it; set Encrypted=true, or name another DestinationRegionId.',
    );
  if (isAcross && isFromEncrypted && KMSKeyId === undefined)
    throw denied(
      'OperationDenied.EncryptSnapshotAcrossRegion',
      `The image is encrypted; for a copy in ${destinationId} set Encrypted=true and KMSKeyId to a key of that region.`,
    );
  if (source.origin === 'shared' && isFromEncrypted && KMSKeyId === undefined)
    throw new ApiError(
      'InvalidParam.EncryptedMismatch',
      400,
      'The image is encrypted under a key of another account; set KMSKeyId to a key of your own.',
    );
  if (Encrypted !== true) {
    if (defaultKeyId !== undefined) throw unencryptedRefused(destinationId);
    return { kind: 'plain' };
  }
  if (KMSKeyId !== undefined) return { kind: 'key', reference: KMSKeyId };
  return isFromEncrypted ? { kind: 'same-keys', otherwise: defaultKeyId } : { kind: 'key', reference: defaultKeyId };
}

/** The key of the copy of one snapshot; undefined is the service key. */
export function keyOfCopy(
  encryption: Exclude<CopyEncryption, { readonly kind: 'plain' }>,
  source: Snapshot,
): string | undefined {
  if (encryption.kind === 'key') return encryption.reference;
  return source.encrypted ? (source.kmsKeyId ?? undefined) : encryption.otherwise;
}

function denied(code: string, message: string): ApiError {
  return new ApiError(code, 403, message);
}
