import type { DiskState } from './disk-state.ts';
import { MapPages } from './map-pages.ts';
import { KeptFiles, keptStates } from './scrubbed-states.ts';
import { countUsage } from './usage.ts';
import type { DiskUsage } from './usage.ts';

/** Pages of the disk's newest map, kept apart from those that serve its clients. */
const MAP_PAGES_MAX = 1_024;

/** What an open disk and its snapshots take. The disk itself comes first, under an empty name. */
export async function usageOfDisk(state: DiskState): Promise<DiskUsage> {
  const { env, keys, store } = state;
  const snapshots = (await keptStates(state, env.log)).filter(({ snapshotId }) => snapshotId !== '');
  const files = new KeptFiles({ store, keys, log: env.log, states: snapshots });
  try {
    const pages = new MapPages({ store, keys, log: env.log, pagesMax: MAP_PAGES_MAX });
    const frozen = snapshots.map((snapshot) => ({ ...snapshot, pages: files.pages }));
    const now = () => {
      const overlays = state.frozen === undefined ? [state.overlay] : [state.overlay, state.frozen];
      return [{ snapshotId: '', root: state.root, overlays, pages }, ...frozen];
    };
    return await countUsage(now, state.blockCount);
  } finally {
    files.close();
  }
}
