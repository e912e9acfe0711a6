import { messageOf } from '../../base/errors.ts';
import { checksumOf } from '../format/checksum-format.ts';
import { toHex } from '../format/fixed-bytes.ts';
import { SLOT_SIZE_BYTES } from '../format/slot-format.ts';
import type { SegmentEntry } from '../format/table-format.ts';
import { listChecksums, removeChecksums, writeChecksums } from '../segments/checksum-file.ts';
import { readHeaderRegion } from '../segments/header-region.ts';
import type { DiskState } from '../state/disk-state.ts';

/** 1 MiB: 0.3 ms of CRC-32. With the pause, 50 MiB/s at most, which is under 2 % of a core. */
const CHUNK_SLOTS = 256;
const PAUSE_MS = 20;

/**
 * Takes the checksums of segments behind the backs of writers: after a checkpoint, of those that lie before the durable
 * head's log position, which nothing is appended to any more. They are read back, mostly from memory. What a session leaves
 * is taken by the next one that writes; what older versions and clones have, by the scrub.
 */
export class ChecksumKeeper {
  readonly #state: DiskState;
  readonly #done = new Set<string>();
  /** Of the first segment that this opening of the disk makes. */
  readonly #ownFirst: number;
  #firstNumber: number | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(state: DiskState) {
    this.#state = state;
    this.#ownFirst = state.head.nextSegment;
  }

  /** To be called after a checkpoint; returns at once. A failure costs no more than checksums. */
  catchUp(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when no file is in use. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { env, head } = this.#state;
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        for (const entry of await this.#due()) if (!this.#stopped) await this.#takeUnlessGone(entry);
      }
    } catch (error) {
      env.log.warn({ diskId: head.diskId, reason: messageOf(error) }, 'checksums could not be kept');
    }
  }

  async #due(): Promise<SegmentEntry[]> {
    const { env, directory, store, head } = this.#state;
    this.#firstNumber ??= await this.#findFirst();
    const first = this.#firstNumber;
    for (const name of this.#done.size === 0 ? await listChecksums(env.files, directory) : []) this.#done.add(name);
    const end = head.clean ? Infinity : head.log.segment;
    return store
      .entries()
      .filter(({ number, id }) => number >= first && number < end && !this.#done.has(toHex(id)))
      .sort((a, b) => a.number - b.number);
  }

  /** Behind the youngest segment that has checksums; on a disk without any, our own first: no old disk is read whole. */
  async #findFirst(): Promise<number> {
    const { env, directory, store } = this.#state;
    const names = new Set(await listChecksums(env.files, directory));
    const taken = store.entries().filter(({ id }) => names.has(toHex(id)));
    if (taken.length > 0) return Math.max(...taken.map(({ number }) => number)) + 1;
    return this.#ownFirst;
  }

  /** A collection may let go of the segment meanwhile. */
  async #takeUnlessGone(entry: SegmentEntry): Promise<void> {
    const isGone = (): boolean => this.#state.store.find(entry.number) === undefined;
    try {
      await this.#take(entry);
    } catch (error) {
      if (!isGone()) throw error;
    }
    if (isGone()) await removeChecksums(this.#state.env.files, this.#state.directory, toHex(entry.id));
  }

  async #take(entry: SegmentEntry): Promise<void> {
    const { env, directory, store } = this.#state;
    const slots = new Uint32Array(entry.slots);
    const buffer = new Uint8Array(CHUNK_SLOTS * SLOT_SIZE_BYTES);
    for (let first = 0; first < slots.length; first += CHUNK_SLOTS) {
      await env.clock.sleep(PAUSE_MS);
      if (this.#stopped) return;
      const count = Math.min(CHUNK_SLOTS, slots.length - first);
      await store.readSlots(entry.number, first, buffer.subarray(0, count * SLOT_SIZE_BYTES));
      for (let i = 0; i < count; i++)
        slots[first + i] = checksumOf(buffer.subarray(i * SLOT_SIZE_BYTES, (i + 1) * SLOT_SIZE_BYTES));
    }
    const headers = checksumOf(await readHeaderRegion(env.files, store.pathOf(entry.id)));
    await writeChecksums(env.files, directory, { segmentId: entry.id, headers, slots });
    this.#done.add(toHex(entry.id));
  }
}
