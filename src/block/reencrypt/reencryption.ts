import { SystemError } from '../../base/errors.ts';
import { Background } from '../collect/background.ts';
import { toHex } from '../format/fixed-bytes.ts';
import type { Reencryption as StoredReencryption } from '../format/head-format.ts';
import type { EpochRecord } from '../format/key-records.ts';
import { epochName } from '../format/segment-entries.ts';
import type { SegmentEntry } from '../format/segment-entries.ts';
import { SLOT_SIZE_BYTES } from '../format/slot-format.ts';
import type { Commits } from '../state/commits.ts';
import { removeSegmentsOfOlderKeys, removeUnnamedTables } from '../state/disk-checks.ts';
import type { DiskState } from '../state/disk-state.ts';
import type { OpenParts } from '../state/open-parts.ts';
import { KeptRoots } from './kept-roots.ts';
import { Replacement } from './replacement.ts';
import type { Pending } from './replacement.ts';

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
  readonly #replacement: Replacement;
  #stop = new AbortController();
  #left: { segments: number; slots: number } | undefined;

  constructor(parts: OpenParts) {
    const { state, commits, alone } = parts;
    this.#state = state;
    this.#commits = commits;
    this.#alone = alone;
    this.#roots = new KeptRoots(state);
    this.#replacement = new Replacement(parts, this.#roots, {
      isNamed: async (entry) => (await this.#pending(() => true)).has(toHex(entry.id)),
      pace: (bytes) => this.#pace(bytes),
    });
    this.#background = new Background(state.env.clock, () => state.session?.log.slotsAppended ?? 0);
  }

  /** Undefined when everything is sealed as the head says. */
  get progress(): ReencryptionProgress | undefined {
    const { reencryption } = this.#state.head;
    return reencryption && progressOf(reencryption, this.#left);
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
    this.#replacement.forgetEpochs();
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
        await this.#alone(() => this.#replacement.replace(batch));
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

  async #pace(bytes: number): Promise<void> {
    const { bytesPerSecond = 0 } = this.#state.head.reencryption ?? {};
    if (bytesPerSecond > 0)
      await this.#state.env.clock.sleep(Math.ceil((bytes / bytesPerSecond) * 1000), this.#stop.signal);
    await this.#background.step(bytes / SLOT_SIZE_BYTES);
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

/** What a head says of a re-encryption, and, where one runs, what it has left. */
export function progressOf(
  { paused, bytesPerSecond, beganAtMs, segments, slots }: StoredReencryption,
  left: { readonly segments: number; readonly slots: number } = { segments, slots },
): ReencryptionProgress {
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

function sizeOf(pending: Pending): { segments: number; slots: number } {
  let slots = 0;
  for (const entry of pending.values()) slots += entry.slots;
  return { segments: pending.size, slots };
}
