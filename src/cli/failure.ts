import { SystemError, type ErrorKind } from '../base/errors.ts';
import type { Output } from './output.ts';

export const EXIT_USAGE = 2;

const EXIT_CODES: Readonly<Record<ErrorKind, number>> = {
  invalid: EXIT_USAGE,
  'not-found': 3,
  denied: 4,
  conflict: 5,
  unavailable: 6,
  'no-space': 6,
  corrupt: 1,
  'rolled-back': 1,
  internal: 1,
};

/** A refusal of the API: its documented code and HTTP status. */
export class RefusedError extends SystemError {
  override readonly name = 'RefusedError';
  readonly requestId: string;

  constructor(status: number, code: string, message: string, requestId: string) {
    super(kindOf(status), code, message);
    this.requestId = requestId;
  }
}

function kindOf(status: number): ErrorKind {
  if (status === 404) return 'not-found';
  if (status === 403) return 'denied';
  if (status === 409) return 'conflict';
  if (status >= 500) return 'unavailable';
  return 'invalid';
}

/** Says on standard error what went wrong; answers the exit code. */
export function describeFailure(error: unknown, output: Output): number {
  if (!(error instanceof SystemError)) {
    output.note(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return 1;
  }
  output.note(`${error.code}: ${error.message}`);
  if (error instanceof RefusedError) output.note(`RequestId: ${error.requestId}`);
  return EXIT_CODES[error.kind];
}
