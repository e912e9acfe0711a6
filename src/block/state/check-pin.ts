import { SystemError } from '../../base/errors.ts';
import type { Head } from '../format/head-format.ts';
import type { Pin } from '../format/pin.ts';

/**
 * Refuses files that are older than what their owner remembers. Source: decisions H, "What is pinned".
 * @param found of the head.
 * @throws {SystemError} kind `rolled-back`.
 */
export function checkPin(head: Head, found: Pin, pin: Pin | undefined): void {
  if (pin === undefined || head.sequence > pin.sequence) return;
  if (head.sequence === pin.sequence && found.digest === pin.digest) return;
  throw new SystemError(
    'rolled-back',
    'DISK_ROLLED_BACK',
    `the files of disk ${head.diskId} are at state ${head.sequence}, its owner knows state ${pin.sequence}` +
      `${head.sequence === pin.sequence ? ' with other content' : ''}; put the newer files back`,
  );
}
