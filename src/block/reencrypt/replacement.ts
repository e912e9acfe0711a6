import { isKind, messageOf } from '../../base/errors.ts';
import { deadMark, SEALING_SUFFIX } from '../format/file-names.ts';
import { toHex } from '../format/fixed-bytes.ts';
import type { EpochRecord } from '../format/key-records.ts';
import { epochName } from '../format/segment-entries.ts';
import type { SegmentEntry } from '../format/segment-entries.ts';
import type { ChunkReference } from '../format/table-format.ts';
import type { Commits } from '../state/commits.ts';
import type { DiskState } from '../state/disk-state.ts';
import type { OpenParts } from '../state/open-parts.ts';
import type { KeptRoots } from './kept-roots.ts';
import { resealSegment } from './reseal-segment.ts';

/**
 * Files to be replaced, by name, each with the entry that has the most of its slots. Not by number: after an interrupted
 * run two files may have one number, and a collection leaves in each what the states need that name that file.
 */
export type Pending = ReadonlyMap<string, SegmentEntry>;

/** What the replacement asks of whoever chose the files. */
interface Host {
  /** False for a segment that no state names any more. */
  isNamed(entry: SegmentEntry): Promise<boolean>;
  /** To be awaited when so many bytes were sealed. @throws what ends the work. */
  pace(bytes: number): Promise<void>;
}

/**
 * Puts files that are sealed anew in the place of others, so that after a crash at any moment every state names files that
 * are there: the new files, then all roots, then the head, then the old files go.
 */
export class Replacement {
  readonly #state: DiskState;
  readonly #commits: Commits;
  readonly #roots: KeptRoots;
  readonly #host: Host;
  /** By old epoch: what a snapshot or clone may not open stays under another key than what it may. */
  readonly #epochs = new Map<string, EpochRecord>();

  constructor({ state, commits }: OpenParts, roots: KeptRoots, host: Host) {
    this.#state = state;
    this.#commits = commits;
    this.#roots = roots;
    this.#host = host;
  }

  /** What an earlier run sealed may be in files: from now on the same addresses are sealed under other keys. */
  forgetEpochs(): void {
    this.#epochs.clear();
  }

  /** When this fails, the old files are there, and perhaps new ones. */
  async replace(batch: Pending): Promise<void> {
    const { env, store } = this.#state;
    const fresh = new Map<string, SegmentEntry>();
    const made: string[] = [];
    const marks: string[] = [];
    // Without the mark a crash at the wrong moment costs space.
    const mark = async (file: string, path: string): Promise<void> => {
      if ((await env.files.link(file, deadMark(path)).catch(() => false)) !== false) marks.push(deadMark(path));
    };
    try {
      for (const [name, entry] of batch) {
        const sealed = await this.#reseal(entry);
        if (sealed === undefined) continue;
        fresh.set(name, sealed);
        const path = store.pathOf(sealed.id);
        made.push(toHex(sealed.id));
        await mark(`${store.directory}/${name}`, `${store.directory}/${name}`);
        await mark(`${path}${SEALING_SUFFIX}`, path);
      }
      // A file that no state names yet, or any more, must not stand in the way of a recovery: the marks come first.
      await env.files.syncDirectory(store.directory);
      for (const name of made)
        await env.files.rename(`${store.directory}/${name}${SEALING_SUFFIX}`, `${store.directory}/${name}`);
      await env.files.syncDirectory(store.directory);
    } catch (error) {
      const files = made.flatMap((name) => [
        `${store.directory}/${name}${SEALING_SUFFIX}`,
        `${store.directory}/${name}`,
      ]);
      for (const path of [...files, ...marks]) await env.files.unlink(path).catch(() => undefined);
      throw error;
    }
    // From here on a failure leaves all files: any of them may be named by what reached the storage.
    await this.#commits.inTurn(() => this.#commit(fresh));
    await this.#removeUnnamed(new Set([...made, ...batch.keys()]));
    await env.files.syncDirectory(store.directory);
    for (const path of marks) await env.files.unlink(path).catch(() => undefined);
  }

  /** Undefined for a segment that is gone by now. */
  async #reseal(entry: SegmentEntry): Promise<SegmentEntry | undefined> {
    const { env, keys, store, head, limits } = this.#state;
    const name = epochName(entry.epoch);
    const epoch = this.#epochs.get(name) ?? keys.newEpoch(env.random);
    this.#epochs.set(name, epoch);
    const beside = store.sibling();
    try {
      beside.put(entry);
      return await resealSegment(env, keys, {
        entry,
        source: beside.file(entry.number),
        epoch,
        session: head.session,
        diskId: head.diskId,
        capacity: limits.segmentSlots,
        pathOf: (id) => store.pathOf(id),
        done: (bytes) => this.#host.pace(bytes),
      });
    } catch (error) {
      // What was sealed of it may be in a file: another attempt seals the same addresses under another key.
      this.#epochs.delete(name);
      if (isKind(error, 'corrupt') && error.code === 'SEGMENT_MISSING' && !(await this.#host.isNamed(entry)))
        return undefined;
      throw error;
    } finally {
      beside.close();
    }
  }

  /** Every root, then the head: each names the old file or the new one, and both are there until all are durable. */
  async #commit(fresh: ReadonlyMap<string, SegmentEntry>): Promise<void> {
    const state = this.#state;
    const replaced = (entry: SegmentEntry): SegmentEntry => {
      const sealed = fresh.get(toHex(entry.id));
      return sealed === undefined ? entry : { ...sealed, slots: entry.slots };
    };
    const made = new Map<string, ChunkReference>();
    for (const name of await this.#roots.names()) {
      const table = await this.#roots.read(name);
      if (table === undefined || !table.segments.some((entry) => replaced(entry) !== entry)) continue;
      await this.#roots.replace(name, table, replaced, state.newTableWriter(), made);
    }
    for (const entry of state.store.entries()) {
      const sealed = replaced(entry);
      if (sealed !== entry) state.store.put(sealed);
    }
    await this.#commits.commitTable(false);
  }

  async #removeUnnamed(names: ReadonlySet<string>): Promise<void> {
    const { env, store } = this.#state;
    const needed = new Set(store.entries().map(({ id }) => toHex(id)));
    for (const root of await this.#roots.names())
      for (const { id } of (await this.#roots.read(root))?.segments ?? []) needed.add(toHex(id));
    for (const name of names) {
      if (needed.has(name)) continue;
      await env.files
        .unlink(`${store.directory}/${name}`)
        .catch((error: unknown) =>
          env.log.warn({ segment: name, reason: messageOf(error) }, 'the old file of a segment stays'),
        );
    }
  }
}
