import { assert } from '../../base/assert.ts';
import type { FileSystem, OpenFile } from '../files/file-system.ts';
import { RESCUE_SUFFIX } from '../format/file-names.ts';
import { encodeNote, NOT_A_BLOCK, SUMMARY_SLOTS_MAX } from '../format/note-format.ts';
import { SEGMENT_HEADER_REGION_BYTES } from '../format/segment-format.ts';
import { sealSlot, SLOT_DATA, SLOT_NOTE, slotOffset } from '../format/slot-format.ts';
import type { SlotMeta } from '../format/slot-format.ts';
import type { SegmentEntry } from '../format/table-format.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';
import { SealedTail } from './sealed-tail.ts';
import type { ChunkPool } from './sealed-tail.ts';

const COPY_SIZE_BYTES = 1024 * 1024;

/** A log segment while its slots are being sealed, written and made durable: durable <= written <= used <= capacity. */
export class LogSegment {
  readonly entry: SegmentEntry;
  readonly capacity: number;
  readonly path: string;
  /** Slots sealed; slot numbers are handed out here and nowhere else. */
  used = 0;
  /** Slots whose bytes the operating system has. */
  written = 0;
  /** Slots that survive power loss. */
  durable = 0;
  /** A sync failed: what the file holds is unknown until `rescue` has made a fresh one. */
  damaged = false;
  readonly #files: FileSystem;
  readonly #keys: DiskKeys;
  readonly #headerRegion: Uint8Array;
  readonly #tail: SealedTail;
  #file: OpenFile;
  /** What each slot holds, for the summary at the end. */
  #blocks = new Float64Array(64);

  constructor(parts: {
    readonly files: FileSystem;
    readonly file: OpenFile;
    readonly path: string;
    readonly entry: SegmentEntry;
    readonly capacity: number;
    readonly keys: DiskKeys;
    readonly headerRegion: Uint8Array;
    readonly pool: ChunkPool;
  }) {
    this.#files = parts.files;
    this.#file = parts.file;
    this.path = parts.path;
    this.entry = parts.entry;
    this.capacity = parts.capacity;
    this.#keys = parts.keys;
    this.#headerRegion = parts.headerRegion;
    this.#tail = new SealedTail(parts.pool);
  }

  get isFull(): boolean {
    return this.room === 0;
  }

  /** How many slots it takes before its summary has to follow. */
  get room(): number {
    return Math.max(0, this.capacity - Math.ceil(this.capacity / (SUMMARY_SLOTS_MAX + 1)) - this.used);
  }

  /** Seals `body` into the next slot and answers its number. */
  seal(type: number, index: number, body: Uint8Array): number {
    assert(!this.isFull, 'a full segment takes no slot');
    this.#noteContent(this.used, type === SLOT_DATA ? index : NOT_A_BLOCK);
    return this.#seal(type, index, body);
  }

  /** Closes the segment with what its slots hold, so that recovery need not open each of them. */
  sealSummary(): void {
    const described = this.used;
    for (let firstSlot = 0; firstSlot < described; firstSlot += SUMMARY_SLOTS_MAX) {
      const blocks = this.#blocks.subarray(firstSlot, Math.min(described, firstSlot + SUMMARY_SLOTS_MAX));
      this.#seal(SLOT_NOTE, 0, encodeNote({ kind: 'summary', firstSlot, blocks }));
    }
  }

  #noteContent(slot: number, block: number): void {
    if (slot >= this.#blocks.length) {
      const longer = new Float64Array(Math.min(this.capacity, slot * 4));
      longer.set(this.#blocks);
      this.#blocks = longer;
    }
    this.#blocks[slot] = block;
  }

  #seal(type: number, index: number, body: Uint8Array): number {
    assert(this.used < this.capacity, 'a summary fits its segment');
    const slot = this.used;
    const meta: SlotMeta = { type, level: 0, index, watermark: this.durable };
    sealSlot(this.#keys.aead(this.entry.epoch), this.entry.number, slot, meta, body, this.#tail.place(slot));
    this.used = slot + 1;
    return slot;
  }

  /** A slot that is still in memory, to be used before the next await. */
  peek(slot: number): Uint8Array | undefined {
    return slot < this.used ? this.#tail.peek(slot) : undefined;
  }

  /** Hands the slots up to `end` to the operating system, in order. */
  async writeUpTo(end: number): Promise<void> {
    for (let run = this.#tail.run(this.written, end); run !== undefined; run = this.#tail.run(this.written, end)) {
      await this.#file.write(run.bytes, slotOffset(this.written));
      this.written = run.end;
    }
  }

  /** Makes the slots up to `end` durable; `written` must have reached it. */
  async syncUpTo(end: number): Promise<void> {
    await this.#file.sync();
    this.#advance(end);
  }

  /**
   * After a failed sync: the same segment, byte for byte, in a fresh file under the same name. What was durable is
   * copied, the rest comes from memory; nothing is sealed again.
   */
  async rescue(end: number): Promise<void> {
    const temporary = `${this.path}${RESCUE_SUFFIX}`;
    await this.#files.unlink(temporary).catch(() => undefined);
    const fresh = await this.#files.create(temporary);
    try {
      await fresh.write(this.#headerRegion, 0);
      await this.#copyDurable(fresh);
      let at = this.durable;
      for (let run = this.#tail.run(at, end); run !== undefined; run = this.#tail.run(at, end)) {
        await fresh.write(run.bytes, slotOffset(at));
        at = run.end;
      }
      await fresh.sync();
      await this.#files.rename(temporary, this.path);
    } catch (error) {
      await fresh.close().catch(() => undefined);
      await this.#files.unlink(temporary).catch(() => undefined);
      throw error;
    }
    const old = this.#file;
    this.#file = fresh;
    await old.close().catch(() => undefined);
    await this.#files.syncDirectory(this.path.slice(0, this.path.lastIndexOf('/')));
    this.damaged = false;
    this.#advance(end);
  }

  async close(): Promise<void> {
    this.#tail.clear();
    await this.#file.close();
  }

  #advance(end: number): void {
    this.durable = end;
    this.#tail.release(end);
  }

  async #copyDurable(fresh: OpenFile): Promise<void> {
    const end = slotOffset(this.durable);
    const buffer = new Uint8Array(COPY_SIZE_BYTES);
    for (let at = SEGMENT_HEADER_REGION_BYTES; at < end; at += COPY_SIZE_BYTES) {
      const part = buffer.subarray(0, Math.min(COPY_SIZE_BYTES, end - at));
      await this.#file.read(part, at);
      await fresh.write(part, at);
    }
  }
}
