import { messageOf } from '../../base/errors.ts';
import { removeChecksums } from '../segments/checksum-file.ts';
import type { DiskState } from '../state/disk-state.ts';
import { toHex } from '../format/fixed-bytes.ts';
import { filesOfRoots } from '../tables/named-files.ts';
import type { SegmentFile } from '../segments/segment-file.ts';
import { SpareFiles } from '../segments/spare-files.ts';
import type { SegmentEntry } from '../format/table-format.ts';

const SUFFIX = '.dead';

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

  static markFor(name: string): string {
    return `${name}${SUFFIX}`;
  }

  /** The segment's name, if `name` is that of a dead one. */
  static nameOf(name: string): string | undefined {
    return name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : undefined;
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
      const done = await env.files.link(path, DeadSegments.markFor(path)).catch(() => false);
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
        const mark = DeadSegments.markFor(path);
        await unread;
        if (!inRoots.segments.has(name)) {
          await env.files.unlink(path);
          await removeChecksums(env.files, this.#state.directory, name);
          if ((await env.files.stat(mark)) !== undefined) gone.push(mark);
        } else {
          await env.files.unlink(mark).catch(() => undefined);
        }
        this.#condemned = this.#condemned.filter((other) => other !== each);
      }
      if (gone.length === 0) return;
      // A file may be used again only when its old name is gone for good.
      await env.files.syncDirectory(store.directory);
      for (const mark of gone) await giveAway(env.files, mark, spares);
    } catch (error) {
      env.log.warn({ diskId: head.diskId, reason: messageOf(error) }, 'files of dead segments stay for now');
    }
  }
}

async function giveAway(files: DiskState['env']['files'], mark: string, spares: SpareFiles): Promise<void> {
  const spare = SpareFiles.pathFor(mark.slice(0, -SUFFIX.length));
  if (!spares.hasRoom) {
    await files.unlink(mark);
    return;
  }
  await files.rename(mark, spare);
  await spares.give(spare);
}
