import { SystemError } from '../base/errors.ts';
import type { ErrorKind } from '../base/errors.ts';
import { NBD_EINVAL, NBD_EIO, NBD_ENOSPC, NBD_EPERM } from './protocol.ts';

/** Why a request was not served: an "Error value" of the protocol, and one ASCII sentence for the client's user. */
export interface Refusal {
  readonly error: number;
  readonly message: string;
}

const STORAGE_FAILED: Refusal = { error: NBD_EIO, message: 'The disk could not serve this request.' };

/** The only mapping from our errors to those of NBD. The messages are fixed: an engine's own may name what a client must not see. */
const REFUSALS: Readonly<Record<ErrorKind, Refusal>> = {
  invalid: { error: NBD_EINVAL, message: 'The disk does not accept this request.' },
  denied: { error: NBD_EPERM, message: 'The disk does not permit this request.' },
  'no-space': { error: NBD_ENOSPC, message: 'The store is full: reads go on, writes work again when space returns.' },
  corrupt: { error: NBD_EIO, message: 'The stored bytes of this range failed verification.' },
  'rolled-back': { error: NBD_EIO, message: 'The stored bytes of this range are older than they must be.' },
  // NBD has no error that asks to try again: EAGAIN and the like become EINVAL in clients.
  unavailable: STORAGE_FAILED,
  'not-found': STORAGE_FAILED,
  conflict: STORAGE_FAILED,
  internal: STORAGE_FAILED,
};

/** What to answer when an Export threw `error`. */
export function refusalOf(error: unknown): Refusal {
  return error instanceof SystemError ? REFUSALS[error.kind] : STORAGE_FAILED;
}
