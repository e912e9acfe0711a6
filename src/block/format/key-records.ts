/** Keys as records hold them: epochs, and what is kept of earlier data keys. Layout in docs/formats/keys.md. */
import { TAG_SIZE_BYTES } from '../../crypto/aead.ts';
import type { Suite } from '../../crypto/aead.ts';

export const EPOCH_ID_SIZE_BYTES = 16;
export const EPOCH_SECRET_SIZE_BYTES = 32;
export const WRAPPED_EPOCH_SIZE_BYTES = EPOCH_SECRET_SIZE_BYTES + TAG_SIZE_BYTES;

/** An epoch's secret as it is stored: wrapped under a data key. Who has the data key has the epoch. */
export interface EpochRecord {
  readonly id: Uint8Array;
  /** Of the slots that are sealed under it, and of its own wrapping. */
  readonly suite: Suite;
  readonly wrapped: Uint8Array;
}

/** What is kept of an earlier data key, in the order of its stored form. It cannot make a head. */
export const OLDER_KEYS = ['segment-header', 'table', 'mark', 'epoch-wrap-root'] as const;
export const DERIVED_KEY_SIZE_BYTES = 32;
export const OLDER_KEY_ID_SIZE_BYTES = 16;
/** An earlier data key as heads store it: id, sealed keys, tag. */
export const OLDER_KEY_SIZE_BYTES =
  OLDER_KEY_ID_SIZE_BYTES + OLDER_KEYS.length * DERIVED_KEY_SIZE_BYTES + TAG_SIZE_BYTES;
/** A disk remembers that many earlier data keys. */
export const OLDER_KEYS_MAX = 4;
