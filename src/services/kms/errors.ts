import { ApiError } from '../../api/errors.ts';
import { kmsRefusalOf } from '../../kms/refusals.ts';
import type { KmsRefusal } from '../../kms/refusals.ts';
import { messageOf } from '../../base/errors.ts';

/** Source of codes and statuses: apis.md 0.4; decisions.md B10 and H. Not-found codes do begin with `Forbidden.`. */
const API_ERRORS: Readonly<Record<KmsRefusal, readonly [code: string, httpStatus: number]>> = {
  KMS_NOT_OPEN: ['Forbidden.KmsServiceNotEnabled', 403],
  KMS_ALREADY_OPEN: ['Forbidden.Opened', 400],
  KEY_NOT_FOUND: ['Forbidden.KeyNotFound', 404],
  KEY_VERSION_NOT_FOUND: ['Forbidden.KeyVersionNotFound', 404],
  ALIAS_NOT_FOUND: ['Forbidden.AliasNotFound', 404],
  ALIAS_UNSUPPORTED: ['Unsupported.Alias', 400],
  ALIAS_EXISTS: ['AliasAlreadyExists', 400],
  SERVICE_KEY_FIXED: ['Forbidden.NoPermission', 403],
  KEY_SPEC_UNSUITABLE: ['InvalidParameter', 400],
  // Source: KMS API reference, UpdateRotationPolicy.
  OPERATION_UNSUPPORTED: ['Rejected.UnsupportedOperation', 400],
  LIMIT_EXCEEDED: ['Rejected.LimitExceeded', 400],
  CIPHERTEXT_REFUSED: ['InvalidParameter', 400],
  ALGORITHM_UNSUITABLE: ['InvalidParameter', 400],
  PLAINTEXT_TOO_LONG: ['InvalidParameter', 400],
  PUBLIC_KEY_REFUSED: ['InvalidParameter', 400],
  ORIGIN_UNSUPPORTED: ['Unsupported.Origin', 400],
  IMPORT_TOKEN_REFUSED: ['InvalidImportToken', 400],
  IMPORT_TOKEN_EXPIRED: ['ExpiredImportToken', 400],
  MATERIAL_REFUSED: ['InvalidKeyMaterial', 400],
  EXPIRY_PAST: ['InvalidParameter', 400],
  KEY_DISABLED: ['Rejected.Disabled', 409],
  KEY_PENDING_DELETION: ['Rejected.PendingDeletion', 409],
  KEY_PENDING_IMPORT: ['Rejected.PendingImport', 409],
  KEY_STATE_CONFLICT: ['Rejected.StateModifiedFailed', 409],
};

/** Runs `work` and gives the refusals of the key engine their place in the API. */
export async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const refusal = kmsRefusalOf(error);
    if (refusal === undefined) throw error;
    const [code, httpStatus] = API_ERRORS[refusal];
    throw new ApiError(code, httpStatus, messageOf(error), { cause: error });
  }
}

/** @param expected what the parameter has to be, as the end of a sentence. */
export function invalidParameter(name: string, expected: string): ApiError {
  return new ApiError('InvalidParameter', 400, `The parameter ${name} must be ${expected}.`);
}
