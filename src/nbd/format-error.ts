import { SystemError } from '../base/errors.ts';

/** The other side sent bytes that are not of the NBD protocol. The only error that decoding throws. */
export class NbdFormatError extends SystemError {
  override readonly name = 'NbdFormatError';

  constructor(message: string) {
    super('invalid', 'NBD_FORMAT', message);
  }
}
