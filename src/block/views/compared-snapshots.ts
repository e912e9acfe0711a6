import { corrupt } from '../files/io-errors.ts';
import type { DiskState } from '../state/disk-state.ts';
import { changedBetween } from './compare-states.ts';
import type { ChangedExtent } from './compare-states.ts';
import { readRoot } from './snapshot-root.ts';
import { SnapshotState } from './snapshot-state.ts';

/** Snapshots whose maps are kept at hand; a backup compares with one. */
const KEPT_MAX = 4;

/** An opened snapshot and how many comparisons use it. */
interface Base {
  readonly state: Promise<SnapshotState>;
  users: number;
  /** No longer offered; the last user closes its files. */
  retired: boolean;
}

/** The snapshots that an open disk is compared with. They are opened when they are first asked for. */
export class ComparedSnapshots {
  readonly #state: DiskState;
  /** In order of last use. */
  readonly #kept = new Map<string, Base>();

  constructor(state: DiskState) {
    this.#state = state;
  }

  /**
   * What differs between the disk as it is now and a snapshot of it; see `changedBetween`.
   * @throws {SystemError} kind `not-found`: there is no such snapshot, or it was deleted meanwhile.
   */
  async changedSince(snapshotId: string, offset: number, length: number): Promise<readonly ChangedExtent[]> {
    const base = this.#kept.get(snapshotId) ?? { state: this.#read(snapshotId), users: 0, retired: false };
    base.users += 1;
    this.#keep(snapshotId, base);
    try {
      const extents = await changedBetween(await base.state, this.#state, offset, length);
      // Of a snapshot that was deleted a page may be gone, which looks like a change of everything below it.
      if (base.retired) await readRoot(this.#state.env, this.#state.directory, snapshotId, this.#state.keys);
      return extents;
    } catch (error) {
      this.forget(snapshotId);
      throw error;
    } finally {
      base.users -= 1;
      closeWhenDone(base);
    }
  }

  /** For a snapshot that is being deleted. */
  forget(snapshotId: string): void {
    const base = this.#kept.get(snapshotId);
    if (base === undefined) return;
    this.#kept.delete(snapshotId);
    base.retired = true;
    closeWhenDone(base);
  }

  close(): void {
    for (const snapshotId of this.#kept.keys()) this.forget(snapshotId);
  }

  #keep(snapshotId: string, base: Base): void {
    this.#kept.delete(snapshotId);
    this.#kept.set(snapshotId, base);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT_MAX && oldest !== undefined) this.forget(oldest);
  }

  async #read(snapshotId: string): Promise<SnapshotState> {
    const { env, directory, keys, head } = this.#state;
    const readAgain = () => readRoot(env, directory, snapshotId, keys);
    const table = await readAgain();
    if (table.diskId !== head.diskId)
      throw corrupt('TABLE_CORRUPT', `snapshot ${snapshotId} is one of disk ${table.diskId}`);
    const store = this.#state.store.sibling();
    return new SnapshotState({ log: env.log, keys, store, readAgain }, table);
  }
}

function closeWhenDone(base: Base): void {
  if (!base.retired || base.users > 0) return;
  base.state.then(
    (state) => state.store.close(),
    () => undefined,
  );
}
