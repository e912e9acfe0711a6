import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { isMarker } from '../format/address.ts';
import type { Address } from '../format/address.ts';
import { ROOTS_NAME } from '../format/file-names.ts';
import { equalBytes } from '../format/fixed-bytes.ts';
import { ROOT_LEVEL } from '../format/map-page.ts';
import type { SegmentEntry } from '../format/table-format.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';
import { MapPages } from '../map/map-pages.ts';
import type { Overlay } from '../map/overlay.ts';
import type { SegmentStore } from '../segments/segment-store.ts';
import type { DiskState } from '../state/disk-state.ts';
import { snapshotNames } from '../tables/snapshot-names.ts';
import { readTableFile } from '../tables/table-file.ts';

/** One of the states that a disk's directory keeps: the disk as it is (empty name), or a snapshot. */
export interface KeptState {
  readonly snapshotId: string;
  readonly root: Address;
  readonly segments: readonly SegmentEntry[];
  /** Newer than the map, the newest first. */
  readonly overlays: readonly Overlay[];
  /** True when what the overlays name is in the files: after a replay in memory. */
  readonly replayed: boolean;
}

const MAP_PAGES_MAX = 4_096;

/** Every state of an open disk at this moment. A snapshot whose root cannot be used is named in the log and left out. */
export async function keptStates(state: DiskState, log: Logger): Promise<KeptState[]> {
  const { env, keys, overlay, frozen, root, store } = state;
  const overlays = frozen === undefined ? [overlay] : [overlay, frozen];
  const replayed = state.session === undefined;
  const states: KeptState[] = [{ snapshotId: '', root, segments: store.entries(), overlays, replayed }];
  for (const name of await snapshotNames(env.files, state.path(ROOTS_NAME))) {
    const path = `${state.path(ROOTS_NAME)}/${name}`;
    try {
      const table = await readTableFile(env.files, path, keys, log);
      states.push({ snapshotId: name, root: table.root, segments: table.segments, overlays: [], replayed: false });
    } catch (error) {
      // Deleted since the list was read.
      if ((await env.files.stat(path)) === undefined) continue;
      log.error({ file: path, reason: messageOf(error) }, 'a snapshot cannot be used');
    }
  }
  return states;
}

/** The segment files and map pages of several states. Pages are read apart from those that the disk keeps in memory. */
export class KeptFiles {
  readonly pages: MapPages;
  /** Every file that a state names. A segment that is being sealed anew has two for a while. */
  readonly files: { readonly entry: SegmentEntry; readonly store: SegmentStore }[] = [];
  readonly #stores: SegmentStore[] = [];

  constructor(parts: {
    /** Any of the disk's. */
    readonly store: SegmentStore;
    readonly keys: DiskKeys;
    readonly log: Logger;
    readonly states: readonly KeptState[];
  }) {
    const first = parts.store.sibling();
    this.#stores.push(first);
    for (const { segments } of parts.states) for (const entry of segments) this.#add(entry);
    this.pages = new MapPages({ store: first, keys: parts.keys, log: parts.log, pagesMax: MAP_PAGES_MAX });
  }

  close(): void {
    for (const store of this.#stores) store.close();
  }

  #add(entry: SegmentEntry): void {
    for (const store of this.#stores) {
      const known = store.find(entry.number);
      if (known !== undefined && equalBytes(known.id, entry.id)) return;
      if (known === undefined) {
        store.put(entry);
        this.files.push({ entry, store });
        return;
      }
    }
    const store = this.#stores[0]?.sibling();
    if (store === undefined) return;
    this.#stores.push(store);
    store.put(entry);
    this.files.push({ entry, store });
  }
}

/** Where a block is in a state; a marker when it is nowhere. */
export async function addressIn(pages: MapPages, state: KeptState, block: number): Promise<Address> {
  for (const overlay of state.overlays) {
    const known = overlay.get(block);
    if (known !== undefined) return known;
  }
  const leaf = await pages.leaf(state.root, Math.floor(block / 512));
  return typeof leaf === 'object' ? (leaf[block % 512] ?? 0) : leaf;
}

/** Where a page of the map is in a state. */
export async function pageIn(pages: MapPages, state: KeptState, level: number, index: number): Promise<Address> {
  let address = state.root;
  for (let above = ROOT_LEVEL; above > level && !isMarker(address); above--) {
    const span = 512 ** (above - level);
    const entries = await pages.loadOrDamaged(address, above, Math.floor(index / span));
    address = entries[Math.floor(index / (span / 512)) % 512] ?? 0;
  }
  return address;
}
