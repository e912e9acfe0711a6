import { isKind, messageOf, SystemError } from '../../base/errors.ts';
import { Background } from '../collect/background.ts';
import { deadMark, SEALING_SUFFIX } from '../format/file-names.ts';
import { toHex } from '../format/fixed-bytes.ts';
import type { Reencryption as StoredReencryption } from '../format/head-format.ts';
import type { EpochRecord } from '../format/key-records.ts';
import { epochName } from '../format/segment-entries.ts';
import type { SegmentEntry } from '../format/segment-entries.ts';
import { SLOT_SIZE_BYTES } from '../format/slot-format.ts';
import type { ChunkReference } from '../format/table-format.ts';
import type { Commits } from '../state/commits.ts';
import { removeSegmentsOfOlderKeys, removeUnnamedTables } from '../state/disk-checks.ts';
import type { DiskState } from '../state/disk-state.ts';
import type { OpenParts } from '../state/open-parts.ts';
import { KeptRoots } from './kept-roots.ts';
import { resealSegment } from './reseal-segment.ts';

/** Segments that are committed together; with many snapshots more, since each commit writes every root again. */
const BATCH_MIN = 4;
const BATCH_MAX = 64;
const ROOTS_PER_SEGMENT = 8;

export interface ReencryptionProgress {
  readonly paused: boolean;
  /** 0: no limit. */
  readonly bytesPerSecond: number;
  readonly beganAtMs: number;
  readonly segmentsDone: number;
  readonly segmentsTotal: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/**
 * Files to be replaced, by name, each with the entry that has the most of its slots. Not by number: after an interrupted
 * run two files may have one number, and a collection leaves in each what the states need that name that file.
 */
type Pending = ReadonlyMap<string, SegmentEntry>;

/**
 * Seals every segment anew that is not sealed under the disk's data key and suite: the same slots at the same addresses in
 * another file, under another epoch. The map and the clients see nothing of it. `docs/internals/rotation.md` tells why
 * it can be interrupted anywhere.
 */
export class Reencryption {
  readonly #state: DiskState;
  readonly #background: Background;
  readonly #roots: KeptRoots;
  readonly #commits: Commits;
  readonly #alone: OpenParts['alone'];
  /** By old epoch: what a snapshot or clone may not open stays under another key than what it may. */
  readonly #epochs = new Map<string, EpochRecord>();
  #stop = new AbortController();
  #left: { segments: number; slots: number } | undefined;

  constructor({ state, commits, alone }: OpenParts) {
    this.#state = state;
    this.#commits = commits;
    this.#alone = alone;
    this.#roots = new KeptRoots(state);
    this.#background = new Background(state.env.clock, () => state.session?.log.slotsAppended ?? 0);
  }

  /** Undefined when everything is sealed as the head says. */
  get progress(): ReencryptionProgress | undefined {
    const running = this.#state.head.reencryption;
    if (running === undefined) return undefined;
    const { paused, bytesPerSecond, beganAtMs, segments, slots } = running;
    const left = this.#left ?? { segments, slots };
    return {
      paused,
      bytesPerSecond,
      beganAtMs,
      segmentsTotal: segments,
      segmentsDone: Math.max(0, segments - left.segments),
      bytesTotal: slots * SLOT_SIZE_BYTES,
      bytesDone: Math.max(0, slots - left.slots) * SLOT_SIZE_BYTES,
    };
  }

  /** What runs ends soon. */
  stop(): void {
    this.#background.stop();
    this.#stop.abort(new SystemError('conflict', 'REENCRYPTION_STOPPED', 'the re-encryption was stopped'));
  }

  resume(): void {
    this.#stop = new AbortController();
    this.#background.resume();
  }

  /** How much there is to do, for a head that begins it. */
  async count(): Promise<Pick<StoredReencryption, 'segments' | 'slots'>> {
    this.#background.resume();
    return sizeOf(await this.#pending(() => true));
  }

  /**
   * Until everything is done, or it is told to stop.
   * @throws {SystemError} kind `conflict`: stopped. Others: it can be called again, and goes on where it was.
   */
  async run(): Promise<void> {
    this.#background.begin();
    // What an earlier run sealed may be in files: this one seals the same addresses under other keys.
    this.#epochs.clear();
    const { keys } = this.#state;
    const known = new Map<string, boolean>();
    const isOld = (epoch: EpochRecord): boolean => {
      const name = epochName(epoch);
      let old = known.get(name);
      if (old === undefined) known.set(name, (old = !keys.isCurrent(epoch)));
      return old;
    };
    while (this.#state.head.reencryption !== undefined) {
      const pending = await this.#pending(isOld);
      this.#left = sizeOf(pending);
      if (pending.size === 0) {
        if (await this.#commits.inTurn(() => this.#finish(isOld))) return;
        continue;
      }
      const batchMax = Math.min(BATCH_MAX, Math.max(BATCH_MIN, (await this.#roots.names()).length / ROOTS_PER_SEGMENT));
      const all = [...pending.entries()].sort(([, a], [, b]) => a.number - b.number);
      for (let at = 0; at < all.length; at += batchMax) {
        const batch = new Map(all.slice(at, at + batchMax));
        await this.#alone(() => this.#batch(batch));
        this.#left = { ...this.#left };
        for (const { slots } of batch.values()) {
          this.#left.segments -= 1;
          this.#left.slots -= slots;
        }
      }
    }
  }

  /** Everything that is not sealed as it should be. The log's own segments are always younger. */
  async #pending(isOld: (epoch: EpochRecord) => boolean): Promise<Pending> {
    const { head, store } = this.#state;
    const end = head.clean ? head.nextSegment : head.log.segment;
    const pending = new Map<string, SegmentEntry>();
    const note = (entry: SegmentEntry): void => {
      const name = toHex(entry.id);
      if (isOld(entry.epoch) && entry.slots >= (pending.get(name)?.slots ?? 0)) pending.set(name, entry);
    };
    for (const entry of store.entries()) if (entry.number < end) note(entry);
    for (const name of await this.#roots.names()) {
      for (const entry of (await this.#roots.read(name))?.segments ?? []) note(entry);
      await this.#background.step(1);
    }
    return pending;
  }

  async #batch(batch: Pending): Promise<void> {
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
        done: (bytes) => this.#pace(bytes),
      });
    } catch (error) {
      // What was sealed of it may be in a file: another attempt seals the same addresses under another key.
      this.#epochs.delete(name);
      if (isKind(error, 'corrupt') && error.code === 'SEGMENT_MISSING' && !(await this.#isNamed(entry)))
        return undefined;
      throw error;
    } finally {
      beside.close();
    }
  }

  async #isNamed(entry: SegmentEntry): Promise<boolean> {
    const pending = await this.#pending(() => true);
    return pending.has(toHex(entry.id));
  }

  async #pace(bytes: number): Promise<void> {
    const { bytesPerSecond = 0 } = this.#state.head.reencryption ?? {};
    if (bytesPerSecond > 0)
      await this.#state.env.clock.sleep(Math.ceil((bytes / bytesPerSecond) * 1000), this.#stop.signal);
    await this.#background.step(bytes / SLOT_SIZE_BYTES);
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

  /** The earlier data keys go with one head. False when something still needs them. */
  async #finish(isOld: (epoch: EpochRecord) => boolean): Promise<boolean> {
    const state = this.#state;
    // A switch of epochs leaves the replay to begin at the end of the old segment; the commit after it, in the new one.
    if (state.session !== undefined && isOld(state.session.log.epoch)) await this.#commits.commitTable(true);
    await this.#commits.commitTable(false);
    if ((await this.#pending(isOld)).size > 0) return false;
    for (const name of await this.#roots.names()) {
      if (await this.#roots.isCurrent(name)) continue;
      const table = await this.#roots.read(name);
      if (table !== undefined)
        await this.#roots.replace(name, table, (entry) => entry, state.newTableWriter(), new Map());
    }
    await state.spares.clear();
    await removeSegmentsOfOlderKeys(state);
    // What an earlier data key made must be gone for good before nobody can verify it any more.
    await state.env.files.syncDirectory(state.store.directory);
    await removeUnnamedTables(state);
    await this.#commits.writeHead({ olderKeys: [], reencryption: undefined });
    state.keys.forgetOlder();
    this.#left = undefined;
    state.env.log.info({ diskId: state.head.diskId }, 'everything is sealed under the data key of the disk');
    return true;
  }
}

function sizeOf(pending: Pending): { segments: number; slots: number } {
  let slots = 0;
  for (const entry of pending.values()) slots += entry.slots;
  return { segments: pending.size, slots };
}
