import { isKind, messageOf, SystemError } from '../../base/errors.ts';
import { readWhole } from '../files/durable-files.ts';
import type { Environment } from '../files/environment.ts';
import { ReaderCache } from '../files/reader-cache.ts';
import { checksumOf, NO_CHECKSUM } from '../format/checksum-format.ts';
import type { Checksums } from '../format/checksum-format.ts';
import { HEAD_NAME, ROOTS_NAME, SEGMENTS_NAME, TABLES_NAME } from '../format/file-names.ts';
import { equalBytes, fromHex, toHex } from '../format/fixed-bytes.ts';
import { SLOT_SIZE_BYTES } from '../format/slot-format.ts';
import { readChecksums } from '../segments/checksum-file.ts';
import { readHeaderRegion } from '../segments/header-region.ts';
import { SegmentFile } from '../segments/segment-file.ts';
import { isSegmentName } from '../segments/segment-files.ts';
import { Damages } from './damages.ts';
import { ScrubPace } from './scrub-pace.ts';
import { causeInWords } from './scrub-report.ts';
import type { Cause, ScrubReport } from './scrub-report.ts';
import type { ScrubOptions } from './scrub.ts';

const CHUNK_SLOTS = 128;

/**
 * What can be said of a disk's files without any key, while nobody writes them: slots whose checksum does not fit, and
 * records whose two copies differ. Slots without a checksum are passed over; whether a damaged one is needed, and for which
 * block, only the map knows.
 */
export async function scrubWithoutKey(
  env: Environment,
  directory: string,
  options: ScrubOptions,
): Promise<ScrubReport> {
  return new KeylessScrub(env, directory, options).run();
}

class KeylessScrub {
  readonly #env: Environment;
  readonly #directory: string;
  readonly #pace: ScrubPace;
  readonly #options: ScrubOptions;
  readonly #damages: Damages;
  #slotsDone = 0;
  #slotsTotal = 0;

  constructor(env: Environment, directory: string, options: ScrubOptions) {
    this.#env = env;
    this.#directory = directory;
    this.#options = options;
    this.#damages = new Damages(env.log, directory, { directory });
    this.#pace = new ScrubPace(env.clock, options);
  }

  async run(): Promise<ScrubReport> {
    await this.#twins(HEAD_NAME);
    for (const folder of [TABLES_NAME, ROOTS_NAME])
      for (const name of await this.#env.files.list(`${this.#directory}/${folder}`))
        await this.#twins(`${folder}/${name}`);
    const names = (await this.#env.files.list(`${this.#directory}/${SEGMENTS_NAME}`)).filter(isSegmentName);
    const known: Checksums[] = [];
    for (const name of names) {
      const sums = await readChecksums(this.#env.files, this.#directory, fromHex(name));
      if (sums !== undefined) known.push(sums);
    }
    for (const { slots } of known) this.#slotsTotal += slots.filter((sum) => sum !== NO_CHECKSUM).length;
    const cache = new ReaderCache(1);
    for (const sums of known) await this.#segment(sums, cache);
    const { found, count } = this.#damages;
    return { damages: found, damageCount: count, slots: this.#slotsDone, withKey: false };
  }

  /** Records are stored twice; the copies differ when one is damaged, or when a write was interrupted. */
  async #twins(name: string): Promise<void> {
    try {
      const both = await readWhole(this.#env.files, `${this.#directory}/${name}`);
      const half = both.length / 2;
      if (both.length === 0 || !equalBytes(both.subarray(0, half), both.subarray(half)))
        this.#report('unknown', name, `the two copies in ${name} differ, or there is none`);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#report(isKind(error, 'corrupt') ? 'missing' : 'unreadable', name, messageOf(error));
    }
  }

  async #segment(sums: Checksums, cache: ReaderCache): Promise<void> {
    const name = `${SEGMENTS_NAME}/${toHex(sums.segmentId)}`;
    const path = `${this.#directory}/${name}`;
    const { files, log } = this.#env;
    const file = new SegmentFile(path, 0, { files, cache, log });
    try {
      if (checksumOf(await readHeaderRegion(files, path)) !== sums.headers)
        this.#report('rot', name, `the header: ${causeInWords('rot')}`);
      await this.#slots(sums, file, name);
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      this.#report('unreadable', name, messageOf(error));
    } finally {
      await file.forget();
    }
  }

  async #slots(sums: Checksums, file: SegmentFile, name: string): Promise<void> {
    const { stored, dense } = await file.contents();
    const wanted = [...sums.slots.keys()].filter(
      (slot) => sums.slots[slot] !== NO_CHECKSUM && (dense === undefined || dense.slots.has(slot)),
    );
    for (let at = 0; at < wanted.length;) {
      const first = wanted[at] ?? 0;
      let end = at + 1;
      while (end < wanted.length && (wanted[end] ?? 0) < first + CHUNK_SLOTS) end += 1;
      const chunk = wanted.slice(at, end);
      const buffer = new Uint8Array(((chunk.at(-1) ?? first) - first + 1) * SLOT_SIZE_BYTES);
      await file.read(first, buffer);
      for (const slot of chunk) {
        const sealed = buffer.subarray((slot - first) * SLOT_SIZE_BYTES, (slot - first + 1) * SLOT_SIZE_BYTES);
        if (checksumOf(sealed) === sums.slots[slot]) continue;
        const cause = dense === undefined && slot >= stored ? 'missing' : 'rot';
        this.#report(cause, name, `slot ${slot}: ${causeInWords(cause)}`, slot);
      }
      at = end;
      this.#slotsDone += chunk.length;
      this.#options.onProgress?.({
        slotsDone: this.#slotsDone,
        slotsTotal: this.#slotsTotal,
        damageCount: this.#damages.count,
      });
      await this.#pace.read(chunk.length * SLOT_SIZE_BYTES);
    }
  }

  #report(cause: Cause, file: string, message: string, slot?: number): void {
    this.#damages.report({ cause, file, costs: [], message, ...(slot === undefined ? {} : { slot }) });
  }
}
