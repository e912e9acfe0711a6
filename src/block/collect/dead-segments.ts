import { messageOf } from '../../base/errors.ts';
import type { FileSystem } from '../files/file-system.ts';
import { deadMark } from '../format/file-names.ts';
import { toHex } from '../format/fixed-bytes.ts';
import type { SegmentEntry } from '../format/table-format.ts';
import { removeChecksums } from '../segments/checksum-file.ts';
import type { SegmentFile } from '../segments/segment-file.ts';
import { SpareFiles } from '../segments/spare-files.ts';
import type { DiskState } from '../state/disk-state.ts';
import { filesOfRoots } from '../tables/named-files.ts';

interface Condemned {
  readonly name: string;
  readonly path: string;
  /** The table of the head that still names it. */
  readonly table: string;
  /** Resolves when nobody reads the file any more. */
  readonly unread: Promise<void>;
}

/**
 * Segments of the head's table without a live slot, from the moment that the state lets go of them until their files are
 * gone. `<id>.dead` is a second name that a file has meanwhile: it tells the next open that nobody needs the first one,
 * should this process end between the head that no longer names it and the removal.
 */
export class DeadSegments {
  readonly #state: DiskState;
  #condemned: Condemned[] = [];

  constructor(state: DiskState) {
    this.#state = state;
  }

  get count(): number {
    return this.#condemned.length;
  }

  /** Every table from now on lacks the segments. No checkpoint may be running. */
  async condemn(entries: readonly SegmentEntry[]): Promise<void> {
    const { env, store, head } = this.#state;
    const table = toHex(head.tableId);
    let marked = 0;
    for (const { id, number } of entries) {
      const name = toHex(id);
      const path = store.pathOf(id);
      // Without the mark a crash at the wrong moment costs space; that is no reason to keep the file.
      const done = await env.files.link(path, deadMark(path)).catch(() => false);
      if (done !== false) marked += 1;
      const file: SegmentFile = store.file(number);
      store.remove(number);
      this.#condemned.push({ name, path, table, unread: file.forget() });
    }
    if (marked > 0) await env.files.syncDirectory(store.directory).catch(() => undefined);
  }

  /**
   * To be called when a head is durable, with no checkpoint running: what its table no longer names goes, unless a
   * snapshot names it. Never fails; what could not be removed is tried again.
   */
  async release(spares: SpareFiles): Promise<void> {
    const { env, head, store } = this.#state;
    const current = toHex(head.tableId);
    const due = this.#condemned.filter(({ table }) => table !== current);
    if (due.length === 0) return;
    try {
      const inRoots = await filesOfRoots(env.files, this.#state.directory);
      if (inRoots === undefined) return;
      const gone: string[] = [];
      for (const each of due) {
        const { name, path, unread } = each;
        const mark = deadMark(path);
        await unread;
        if (!inRoots.segments.has(name)) {
          await env.files.unlink(path);
          await removeChecksums(env.files, this.#state.directory, name);
          if ((await env.files.stat(mark)) !== undefined) gone.push(path);
        } else {
          await env.files.unlink(mark).catch(() => undefined);
        }
        this.#condemned = this.#condemned.filter((other) => other !== each);
      }
      if (gone.length === 0) return;
      // A file may be used again only when its old name is gone for good.
      await env.files.syncDirectory(store.directory);
      for (const path of gone) await giveAway(env.files, path, spares);
    } catch (error) {
      env.log.warn({ diskId: head.diskId, reason: messageOf(error) }, 'files of dead segments stay for now');
    }
  }
}

/** @param path that the file had; its second name is left. */
async function giveAway(files: FileSystem, path: string, spares: SpareFiles): Promise<void> {
  const mark = deadMark(path);
  const spare = SpareFiles.pathFor(path);
  if (!spares.hasRoom) {
    await files.unlink(mark);
    return;
  }
  await files.rename(mark, spare);
  await spares.give(spare);
}
