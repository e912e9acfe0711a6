import type { Suite } from '../../crypto/aead.ts';

/** What opens a disk's files: its data key in the clear (32 bytes; the caller wipes it) and its suite. */
export interface DataKey {
  readonly suite: Suite;
  readonly key: Uint8Array;
}
