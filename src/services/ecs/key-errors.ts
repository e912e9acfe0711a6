import { ApiError } from '../../api/errors.ts';
import { messageOf } from '../../base/errors.ts';
import { diskKeyRefusalOf, type DiskKeyRefusal } from '../../kms/disk-key-rules.ts';

/**
 * Operations that need a disk's key, by the column of facts.md 2.3 that they follow. ExportDisk follows AttachDisk.
 * `default`: those that choose the key of default encryption (apis.md 0.2, EnableDiskEncryptionByDefault).
 */
export type KeyUse = 'CreateDisk' | 'AttachDisk' | 'CreateSnapshot' | 'CreateImage' | 'CopyImage' | 'default';

interface Refusal {
  readonly code: string;
  readonly httpStatus: number;
}

/** Sources: facts.md 2.3; apis.md 0.2; decisions.md B3 (KMS not open), B6 (not found differs), B8 (key spec). */
const EVERYWHERE: Readonly<Record<Exclude<DiskKeyRefusal, 'KeyNotFound'>, Refusal>> = {
  KmsNotEnabled: { code: 'InvalidParameter.KmsNotEnabled', httpStatus: 400 },
  KMSUnauthorized: { code: 'InvalidParameter.KMSKeyId.KMSUnauthorized', httpStatus: 403 },
  CMKUnauthorized: { code: 'InvalidParameter.KMSKeyId.CMKUnauthorized', httpStatus: 403 },
  NotSymmetric: { code: 'InvalidKMSKeyId.NotSymmetric', httpStatus: 400 },
  CMKNotEnabled: { code: 'InvalidParameter.KMSKeyId.CMKNotEnabled', httpStatus: 403 },
};

const NOT_FOUND: Readonly<Record<KeyUse, Refusal>> = {
  CreateDisk: { code: 'InvalidParameter.KMSKeyId.NotFound', httpStatus: 404 },
  AttachDisk: { code: 'InvalidKMSKeyId.NotFound', httpStatus: 404 },
  CreateSnapshot: { code: 'InvalidParameter.KMSKeyId.NotFound', httpStatus: 400 },
  CreateImage: { code: 'InvalidParameter.KMSKeyId.NotFound', httpStatus: 404 },
  CopyImage: { code: 'InvalidParameter.KMSKeyId.NotFound', httpStatus: 404 },
  default: { code: 'InvalidOperation.KMSKeyIdNotFound', httpStatus: 403 },
};

/** What `use` answers when the disk's key is refused; any other error passes through unchanged. */
export function keyError(error: unknown, use: KeyUse): unknown {
  const refused = diskKeyRefusalOf(error);
  if (refused === undefined) return error;
  const { code, httpStatus } = refused === 'KeyNotFound' ? NOT_FOUND[use] : EVERYWHERE[refused];
  return new ApiError(code, httpStatus, messageOf(error), { cause: error });
}
