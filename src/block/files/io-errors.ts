import { messageOf, SystemError } from '../../base/errors.ts';
import { osCode } from './file-system.ts';

/** Turns a failure of the file system into what callers act on: a full store heals, anything else is `unavailable`. */
export function ioError(doing: string, error: unknown): SystemError {
  if (error instanceof SystemError) return error;
  const code = osCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new SystemError('no-space', 'NO_SPACE', `no space left while ${doing}; free some and try again`, {
      cause: error,
    });
  return new SystemError('unavailable', 'IO_FAILED', `${doing} failed: ${messageOf(error)}`, { cause: error });
}

export function corrupt(code: string, message: string): SystemError {
  return new SystemError('corrupt', code, message);
}
