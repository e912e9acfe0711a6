import { isKind } from '../../base/errors.ts';
import type { Address } from '../format/address.ts';
import { ROOTS_NAME } from '../format/file-names.ts';
import { MapPages } from '../map/map-pages.ts';
import type { SegmentStore } from '../segments/segment-store.ts';
import type { DiskState } from '../state/disk-state.ts';
import { snapshotNames } from '../tables/snapshot-names.ts';
import { readRoot } from './snapshot-root.ts';
import { countUsage } from './usage.ts';
import type { DiskUsage } from './usage.ts';

/** Pages of maps, 16 MiB, kept apart from those that serve clients. */
const MAP_PAGES_MAX = 4_096;

/**
 * What an open disk and its snapshots take. The disk itself comes first, under an empty name.
 * @param goOn throws when the count is to end, since it takes its time.
 */
export async function usageOfDisk(state: DiskState, goOn: () => void): Promise<DiskUsage> {
  const { env, keys, store } = state;
  const snapshotFiles = store.sibling();
  try {
    const roots = await openRoots(state, snapshotFiles, goOn);
    const common = { keys, log: env.log, pagesMax: MAP_PAGES_MAX };
    const headPages = new MapPages({ ...common, store });
    const pages = new MapPages({ ...common, store: snapshotFiles });
    const snapshots = [...roots].map(([snapshotId, root]) => ({ snapshotId, root, overlays: [], pages }));
    const now = () => {
      goOn();
      const overlays = state.frozen === undefined ? [state.overlay] : [state.overlay, state.frozen];
      return [{ snapshotId: '', root: state.root, overlays, pages: headPages }, ...snapshots];
    };
    return await countUsage(now, state.blockCount);
  } finally {
    snapshotFiles.close();
  }
}

/** Where the map of each snapshot begins. Their segments come into `store`; a number means the same in all of them. */
async function openRoots(state: DiskState, store: SegmentStore, goOn: () => void): Promise<Map<string, Address>> {
  const { env, keys, directory } = state;
  const roots = new Map<string, Address>();
  for (const name of await snapshotNames(env.files, state.path(ROOTS_NAME))) {
    goOn();
    try {
      const { root, segments } = await readRoot(env, directory, name, keys);
      for (const entry of segments) if (store.find(entry.number) === undefined) store.put(entry);
      roots.set(name, root);
    } catch (error) {
      // Deleted since the list was read.
      if (!isKind(error, 'not-found')) throw error;
    }
  }
  return roots;
}
