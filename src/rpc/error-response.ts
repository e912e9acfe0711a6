// Anything that was thrown -> code, HTTP status and message. The only place that knows this mapping.
import type { Product } from '../api/action.ts';
import type { Body } from '../api/encode.ts';
import { ApiError } from '../api/errors.ts';
import { unreachable } from '../base/assert.ts';
import { SystemError } from '../base/errors.ts';

/** Codes that KMS spells differently. Source: KMS API reference, common errors. */
const KMS_CODES: Readonly<Record<string, string>> = {
  InternalError: 'InternalFailure',
  ServiceUnavailable: 'ServiceUnavailableTemporary',
  OperationConflict: 'Rejected.StateModifiedFailed',
};

/** The answer to give for `error`. */
export function toApiError(error: unknown, product: Product | undefined): ApiError {
  if (error instanceof ApiError) return error;
  const { code, status, message } = describe(error);
  return new ApiError((product === 'kms' ? KMS_CODES[code] : undefined) ?? code, status, message, { cause: error });
}

/** True when nobody expected this error, so the log must have it in full. */
export function isUnexpected(error: unknown): boolean {
  if (error instanceof ApiError) return error.httpStatus >= 500 && error.httpStatus !== 503;
  if (!(error instanceof SystemError)) return true;
  return error.kind === 'internal' || error.kind === 'corrupt' || error.kind === 'rolled-back';
}

const INTERNAL = {
  code: 'InternalError',
  status: 500,
  message:
    "The server failed to do this and cannot say more here. Its log has the reason under this answer's request id.",
};

function describe(error: unknown): { code: string; status: number; message: string } {
  if (!(error instanceof SystemError)) return INTERNAL;
  const { kind, message } = error;
  switch (kind) {
    case 'invalid':
      return { code: 'InvalidParameter', status: 400, message };
    case 'not-found':
      return { code: 'InvalidResource.NotFound', status: 404, message };
    case 'denied':
      return { code: 'OperationDenied', status: 403, message };
    case 'conflict':
      return { code: 'OperationConflict', status: 409, message };
    case 'no-space':
      return {
        code: 'OperationDenied.NoStock',
        status: 403,
        message: 'The storage of this server is full. Delete what is not needed or add space, then try again.',
      };
    case 'unavailable':
      return {
        code: 'ServiceUnavailable',
        status: 503,
        message: 'A part of the server that this needs does not answer at the moment. Try again shortly.',
      };
    case 'corrupt':
    case 'rolled-back':
    case 'internal':
      return INTERNAL;
    default:
      return unreachable(kind);
  }
}

export function errorBody(error: ApiError, requestId: string, hostId: string): Body {
  return {
    RequestId: requestId,
    HostId: hostId,
    Code: error.code,
    Message: error.message,
    // Go clients insist on a string here.
    Recommend: 'docs/protocols/rpc.md',
    ...(error.accessDeniedDetail === undefined ? {} : { AccessDeniedDetail: error.accessDeniedDetail }),
  };
}
