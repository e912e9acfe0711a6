import type { Logger } from '../../base/log.ts';
import type { Address } from '../format/address.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';
import type { MapPages } from '../map/map-pages.ts';
import type { Overlay } from '../map/overlay.ts';
import type { SegmentStore } from '../segments/segment-store.ts';

/**
 * What reading needs to know of a disk's state: the newest one of an open disk (`DiskState`), which moves on, or one
 * that a snapshot keeps (`SnapshotState`), which never does.
 */
export interface ReadableState {
  readonly env: { readonly log: Logger };
  readonly head: { readonly diskId: string };
  readonly keys: DiskKeys;
  readonly store: SegmentStore;
  readonly pages: MapPages;
  readonly root: Address;
  /** Newer than the map below `root`; what `frozen` knows is older than what `overlay` does. */
  readonly overlay: Overlay;
  readonly frozen: Overlay | undefined;
  readonly session: { readonly log: { peek(address: Address): Uint8Array | undefined } } | undefined;
}
