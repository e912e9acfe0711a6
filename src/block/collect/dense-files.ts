import { messageOf } from '../../base/errors.ts';
import type { SlotSet } from '../format/slot-set.ts';
import type { SegmentFile } from '../segments/segment-file.ts';
import { SpareFiles } from '../segments/spare-files.ts';
import type { DiskState } from '../state/disk-state.ts';
import { noFiles } from '../tables/named-files.ts';
import type { Background } from './background.ts';
import { writeDense } from './dense-rewrite.ts';
import type { Rewritten } from './dense-rewrite.ts';
import type { MarkedSegment } from './liveness.ts';
import { removeUnnamed } from './reclaim.ts';

/** Files that change their name before one sync of their directory. */
const RENAMES_AT_ONCE = 8;
/** Files that are rewritten at the same time: each waits for other threads most of the time. 2 MiB of memory each. */
const LANES = 4;

/** A segment whose file holds more slots than any state needs. */
export interface Victim extends MarkedSegment {
  readonly stored: number;
}

/** A file that lost its name to a dense one. */
interface Renamed {
  readonly spare: string | undefined;
  /** Resolves when nobody reads it any more. */
  readonly unread: Promise<void>;
}

/** Replaces files by dense ones that hold what is live, some at a time; what they were is used again where that can be. */
export class DenseFiles {
  readonly #state: DiskState;
  readonly #background: Background;
  /** Told after each file how many slots it was rid of. */
  readonly #onFreed: (slots: number) => void;
  /** One file after the other then, and none is kept. */
  #isShort = false;

  constructor(state: DiskState, background: Background, onFreed: (slots: number) => void) {
    this.#state = state;
    this.#background = background;
    this.#onFreed = onFreed;
  }

  /** Answers how many bytes were written. @param isShort of space. */
  async replace(victims: readonly Victim[], isShort: boolean): Promise<number> {
    this.#isShort = isShort;
    let writtenBytes = 0;
    const atOnce = isShort ? 1 : RENAMES_AT_ONCE;
    for (let at = 0; at < victims.length; at += atOnce)
      writtenBytes += await this.#rewriteSome(victims.slice(at, at + atOnce));
    return writtenBytes;
  }

  async #rewriteSome(victims: readonly Victim[]): Promise<number> {
    const beside = this.#state.store.sibling();
    const renamed: Renamed[] = [];
    let writtenBytes = 0;
    const left = victims.values();
    const lane = async (): Promise<void> => {
      for (const { entry, live, stored } of left) {
        beside.put(entry);
        const bytes = await this.#rewriteFile(beside.file(entry.number), live, renamed);
        writtenBytes += bytes;
        this.#onFreed(stored - live.count);
      }
    };
    try {
      // All lanes end before a failure is passed on.
      const lanes = await Promise.allSettled(Array.from({ length: LANES }, lane));
      for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason;
    } finally {
      if (renamed.length > 0) await this.#settleRenames(renamed);
      beside.close();
      await this.#removeUnnamed(victims);
    }
    return writtenBytes;
  }

  async #rewriteFile(source: SegmentFile, live: SlotSet, renamed: Renamed[]): Promise<number> {
    const { files } = this.#state.env;
    let rewritten: Rewritten;
    try {
      rewritten = await writeDense(files, source, live, this.#background);
    } catch (error) {
      // Its last snapshot was deleted meanwhile.
      if ((await files.stat(source.path)) === undefined) return 0;
      throw error;
    }
    const { path, sizeBytes } = rewritten;
    const spare = await this.#keepAsSpare(source.path);
    try {
      await files.rename(path, source.path);
    } catch (error) {
      if (spare !== undefined) await files.unlink(spare).catch(() => undefined);
      await files.unlink(path).catch(() => undefined);
      throw error;
    }
    renamed.push({ spare, unread: source.forget() });
    return sizeBytes;
  }

  /** A rename may have brought back the name of a segment whose last snapshot was deleted at the same moment. */
  async #removeUnnamed(victims: readonly Victim[]): Promise<void> {
    const { env, store, directory } = this.#state;
    const others = victims.filter(({ entry }) => store.find(entry.number) === undefined);
    const segments = new Set(others.map(({ name }) => name));
    if (segments.size > 0) await removeUnnamed(env, directory, { ...noFiles(), segments });
  }

  /** Another name for a file that is about to lose the one that it has. */
  async #keepAsSpare(path: string): Promise<string | undefined> {
    if (!this.#state.spares.hasRoom || this.#isShort) return undefined;
    const spare = SpareFiles.pathFor(path);
    const { files } = this.#state.env;
    try {
      await files.link(path, spare);
      return spare;
    } catch {
      return undefined;
    }
  }

  /** A file may be used again when its old name means the new one durably, and nobody reads it any more. */
  async #settleRenames(renamed: readonly Renamed[]): Promise<void> {
    const { env, store, head } = this.#state;
    const { files } = env;
    try {
      await files.syncDirectory(store.directory);
      for (const { spare, unread } of renamed) {
        await unread;
        if (spare !== undefined) await this.#state.spares.give(spare);
      }
    } catch (error) {
      env.log.warn({ diskId: head.diskId, reason: messageOf(error) }, 'files of rewritten segments are not used again');
      for (const { spare } of renamed) if (spare !== undefined) await files.unlink(spare).catch(() => undefined);
    }
  }
}
