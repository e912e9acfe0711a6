import { ApiError } from '../../../api/errors.ts';
import type { SharingObstacle } from '../../../kms/receiver-keys.ts';

/** What ModifyImageSharePermission answers. Sources: apis.md 0.2; decisions.md A2, D1. */
const CODES: Readonly<Record<SharingObstacle['obstacle'], string>> = {
  'service-key': 'InvalidOperation.ServiceKeyEncryptedImageUnsupported',
  role: 'AssumeRoleError',
  permission: 'InvalidParameter.KMSKeyId.CMKUnauthorized',
  'not-enabled': 'InvalidParameter.KMSKeyId.CMKNotEnabled',
};

/** For an image that cannot be shared because its receiver could not use its key. */
export function sharingError({ obstacle, message }: SharingObstacle): ApiError {
  return new ApiError(CODES[obstacle], 403, message);
}
