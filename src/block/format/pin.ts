import type { LogPosition } from './address.ts';

/**
 * What a disk's owner remembers outside the disk's own files, so that older files put back are refused.
 * A lower bound: a disk whose head is at or past it opens, anything older is `rolled-back`.
 */
export interface Pin {
  /** Sequence number of the head that was durable when the pin was taken. Grows with every checkpoint. */
  readonly sequence: number;
  /** Digest of the state that the head named, 64 lower-case hex digits; compared when the sequences are equal. */
  readonly digest: string;
  /** How far the log was durable then; a log that ends before it is refused. Positions only grow, whatever the head. */
  readonly log?: LogPosition;
}
