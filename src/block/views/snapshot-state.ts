import type { Logger } from '../../base/log.ts';
import type { ReadableState } from '../blocks/readable-state.ts';
import type { Address } from '../format/address.ts';
import type { SegmentTable } from '../format/table-format.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';
import { MapPages } from '../map/map-pages.ts';
import { Overlay } from '../map/overlay.ts';
import type { SegmentStore } from '../segments/segment-store.ts';

/** Fewer than an open disk keeps: 4 MiB of map pages reach over 2 GiB of blocks, and a copy reads in order. */
const MAP_PAGES_MAX = 1_024;

/** What a snapshot keeps, ready to be read: nothing is newer than its map, and nothing in it ever changes. */
export class SnapshotState implements ReadableState {
  readonly env: { readonly log: Logger };
  readonly head: { readonly diskId: string };
  readonly keys: DiskKeys;
  readonly store: SegmentStore;
  readonly pages: MapPages;
  readonly root: Address;
  readonly sizeBytes: number;
  readonly overlay = new Overlay();
  readonly frozen = undefined;
  readonly session = undefined;
  readonly #readAgain: () => Promise<SegmentTable>;

  /** @param parts.readAgain the snapshot's table as it is stored now. */
  constructor(
    parts: {
      readonly log: Logger;
      readonly keys: DiskKeys;
      readonly store: SegmentStore;
      readonly readAgain: () => Promise<SegmentTable>;
    },
    table: SegmentTable,
  ) {
    const { log, keys, store, readAgain } = parts;
    this.env = { log };
    this.head = { diskId: table.diskId };
    this.keys = keys;
    this.store = store;
    this.root = table.root;
    this.sizeBytes = table.sizeBytes;
    this.#readAgain = readAgain;
    for (const entry of table.segments) store.put(entry);
    const lookAgain = (): Promise<void> => this.lookAgain();
    this.pages = new MapPages({ store, keys, log, pagesMax: MAP_PAGES_MAX, lookAgain });
  }

  /**
   * For when something could not be read: files are opened anew, since one may have been replaced, and found by the
   * table as it is now, since a segment that was sealed anew has another file. What is not there then is lost.
   */
  async lookAgain(): Promise<void> {
    const table = await this.#readAgain();
    for (const entry of table.segments) {
      this.store.put(entry);
      this.store.forgetFile(entry.number);
    }
  }
}
