/** What the caller can do about a failure. Coarse on purpose: add a kind only if a caller would act differently on it. */
export type ErrorKind =
  | 'invalid' // the caller must change the request
  | 'not-found'
  | 'denied' // a policy, role or key state forbids it
  | 'conflict' // a precondition or state did not hold; read again and decide again
  | 'no-space' // the store is full; heals when space returns
  | 'unavailable' // transient; the same call may be retried
  | 'corrupt' // stored bytes failed verification; never retried, always logged
  | 'rolled-back' // stored bytes are authentic but older than what is pinned
  | 'internal';

/**
 * Base of every error that Sealdisk throws on purpose.
 * `code` is stable and may be matched on; `message` is one plain sentence for people.
 */
export class SystemError extends Error {
  override readonly name: string = 'SystemError';
  readonly kind: ErrorKind;
  readonly code: string;

  constructor(kind: ErrorKind, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.code = code;
  }
}

/** True when `error` is a SystemError of `kind`. */
export function isKind(error: unknown, kind: ErrorKind): error is SystemError {
  return error instanceof SystemError && error.kind === kind;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
