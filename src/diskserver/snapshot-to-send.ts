/** Snapshots, opened for reading, in the shape that becomes a stream. */
import type { SnapshotView } from '../block/views/snapshot-view.ts';
import type { StreamState } from '../stream/stream-header.ts';
import { stateIdentity } from '../stream/stream-keys.ts';
import type { StateToSend } from '../stream/stream-layout.ts';

export function identified(diskId: string, snapshotId: string, view: SnapshotView): StreamState {
  const identity = stateIdentity({ diskId, snapshotId, diskSizeBytes: view.sizeBytes, root: view.state.root });
  return { snapshotId, identity };
}

export function stateToSend(state: SnapshotView, base: SnapshotView | undefined): StateToSend {
  return {
    sizeBytes: state.sizeBytes,
    read: (offset, length) => state.read(offset, length),
    blockStatus: (offset, length) => state.blockStatus(offset, length),
    ...(base !== undefined && {
      changedSinceBase: (offset: number, length: number) => state.changedSince(base, offset, length),
    }),
  };
}
