import { ApiError } from '../../api/errors.ts';
import { SystemError } from '../../base/errors.ts';

/** What an operation answers when the disk server could not do its part. */
export interface DataPlaneRefusals {
  /** The store is full. */
  readonly noSpace: { readonly code: string; readonly httpStatus: number };
}

/**
 * Turns what the disk server says into what the API says; anything unexpected passes through unchanged.
 * Sources: error lists of CreateDisk, AttachDisk (DiskError), CreateSnapshot in apis.md; decisions.md H (503).
 */
export function dataPlaneError(error: unknown, refusals: DataPlaneRefusals): unknown {
  if (!(error instanceof SystemError)) return error;
  const cause = { cause: error };
  switch (error.kind) {
    case 'unavailable':
      return new ApiError(
        'ServiceUnavailable',
        503,
        'The disk server does not answer at the moment; try again in a few seconds.',
        cause,
      );
    case 'no-space':
      return new ApiError(
        refusals.noSpace.code,
        refusals.noSpace.httpStatus,
        'The store has no space left; free some and try again.',
        cause,
      );
    case 'corrupt':
    case 'rolled-back':
      return new ApiError('DiskError', 403, `The stored data of the disk was refused: ${error.message}`, cause);
    case 'conflict':
      return new ApiError('IncorrectDiskStatus', 403, `The disk cannot be used now: ${error.message}`, cause);
    case 'not-found':
    case 'invalid':
    case 'denied':
    case 'internal':
      return error;
  }
}
