export const MAC_SIZE_BYTES = 32;

/** What a MAC is about; each purpose has a key of its own, so that no record passes for one of another kind. */
export type MacPurpose = 'head' | 'segment-header' | 'table' | 'mark';

/** What the formats need of a disk's keys (`DiskKeys`). */
export interface RecordMacs {
  /** HMAC-SHA-256, 32 bytes. */
  mac(purpose: MacPurpose, bytes: Uint8Array): Uint8Array;
  /** True when the last 32 bytes of `record` are the MAC of what stands before them. */
  isAuthentic(purpose: MacPurpose, record: Uint8Array): boolean;
}
