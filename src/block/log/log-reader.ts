import { BLOCK_SIZE_BYTES } from '../../base/units.ts';
import type { FileSystem, OpenFile } from '../files/file-system.ts';
import { corrupt, ioError } from '../files/io-errors.ts';
import { addressOf } from '../format/address.ts';
import type { Address } from '../format/address.ts';
import { equalBytes, toHex } from '../format/fixed-bytes.ts';
import { decodeNote } from '../format/note-format.ts';
import type { BeginNote, Note, SummaryNote } from '../format/note-format.ts';
import { decodeSegmentHeader, headerDigest, SEGMENT_HEADER_REGION_BYTES } from '../format/segment-format.ts';
import type { SegmentHeader } from '../format/segment-format.ts';
import { openSlot, SLOT_NOTE, SLOT_SIZE_BYTES, slotOffset, slotsInFile } from '../format/slot-format.ts';
import type { SlotMeta } from '../format/slot-format.ts';
import type { SegmentEntry } from '../format/table-format.ts';
import { concatCopies, decodeCopies } from '../format/two-copies.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';

const CHUNK_SLOTS = 256;

/** A log segment as recovery finds it; opened for writing where its last slots may have to be written again. */
export class LogReader {
  readonly header: SegmentHeader;
  /** Whole slots that the file is long enough for. */
  readonly slots: number;
  readonly #path: string;
  readonly #file: OpenFile;
  readonly #keys: DiskKeys;
  readonly #headerCopy: Uint8Array;

  private constructor(
    path: string,
    file: OpenFile,
    size: number,
    header: SegmentHeader,
    copy: Uint8Array,
    keys: DiskKeys,
  ) {
    this.#path = path;
    this.#file = file;
    this.slots = slotsInFile(size);
    this.header = header;
    this.#headerCopy = copy;
    this.#keys = keys;
  }

  /**
   * Undefined when the file has no authentic header under this name and no slots, as a crash leaves one.
   * @throws {SystemError} kind `corrupt`: slots without an authentic header, which is durable before any of them.
   */
  static async open(
    files: FileSystem,
    directory: string,
    name: string,
    keys: DiskKeys,
    mode: 'read' | 'write',
  ): Promise<LogReader | undefined> {
    const path = `${directory}/${name}`;
    const file = await files.open(path, mode).catch((error: unknown) => {
      throw ioError(`opening ${path}`, error);
    });
    try {
      const region = new Uint8Array(SEGMENT_HEADER_REGION_BYTES);
      await file.read(region, 0);
      const size = await file.sizeBytes();
      const copies = decodeCopies(region, (copy) => {
        const header = decodeSegmentHeader(copy, keys);
        return header && toHex(header.id) === name ? { header, copy: copy.slice() } : undefined;
      });
      const found = copies.first ?? copies.second;
      if (found !== undefined) return new LogReader(path, file, size, found.header, found.copy, keys);
      if (size > SEGMENT_HEADER_REGION_BYTES)
        throw corrupt(
          'SEGMENT_HEADER_CORRUPT',
          `${path} may hold flushed blocks, but neither copy of its header verifies; restore it`,
        );
    } catch (error) {
      await file.close().catch(() => undefined);
      throw ioError(`reading ${path}`, error);
    }
    await file.close();
    return undefined;
  }

  get number(): number {
    return this.header.number;
  }

  addressOf(slot: number): Address {
    return addressOf(this.number, slot);
  }

  /** How the disk's table will name it, with `slots` slots. */
  entry(slots: number): SegmentEntry {
    const { number, id, epoch } = this.header;
    return { number, id, headerDigest: headerDigest(this.#headerCopy), epoch, slots };
  }

  /** Calls `visit` for the slots from `from` on, with undefined for one that does not open; until it answers false. */
  async scan(
    from: number,
    visit: (slot: number, meta: SlotMeta | undefined, body: Uint8Array) => boolean,
  ): Promise<void> {
    const buffer = new Uint8Array(CHUNK_SLOTS * SLOT_SIZE_BYTES);
    const body = new Uint8Array(BLOCK_SIZE_BYTES);
    for (let first = from; first < this.slots; first += CHUNK_SLOTS) {
      const count = Math.min(CHUNK_SLOTS, this.slots - first);
      const chunk = buffer.subarray(0, count * SLOT_SIZE_BYTES);
      await this.#read(chunk, slotOffset(first));
      const aead = this.#keys.aead(this.header.epoch);
      for (let i = 0; i < count; i++) {
        const sealed = chunk.subarray(i * SLOT_SIZE_BYTES, (i + 1) * SLOT_SIZE_BYTES);
        if (!visit(first + i, openSlot(aead, this.number, first + i, sealed, body), body)) return;
      }
    }
  }

  /** What the segment says about where the log comes from; undefined when its first slot does not open. */
  async beginNote(): Promise<BeginNote | undefined> {
    const note = this.slots === 0 ? undefined : await this.note(0);
    return note?.kind === 'begin' ? note : undefined;
  }

  /**
   * What the slots before its summary hold, if the segment ends at `end` and everything of its summary opens.
   * @returns for each slot a block number or `NOT_A_BLOCK`.
   */
  async summary(end: number): Promise<Float64Array | undefined> {
    const last = end === 0 ? undefined : await this.#summaryNote(end - 1);
    if (last === undefined) return undefined;
    const described = last.firstSlot + last.blocks.length;
    const blocks = new Float64Array(described);
    let filled = 0;
    for (let slot = described; slot < end; slot++) {
      const note = slot === end - 1 ? last : await this.#summaryNote(slot);
      if (note?.firstSlot !== filled || filled + note.blocks.length > described) return undefined;
      blocks.set(note.blocks, filled);
      filled += note.blocks.length;
    }
    return filled === described ? blocks : undefined;
  }

  async #summaryNote(slot: number): Promise<SummaryNote | undefined> {
    const note = await this.note(slot);
    return note?.kind === 'summary' ? note : undefined;
  }

  /** The note in a slot; undefined when it does not open or holds none that we know. */
  async note(slot: number): Promise<Note | undefined> {
    const sealed = new Uint8Array(SLOT_SIZE_BYTES);
    await this.#read(sealed, slotOffset(slot));
    const body = new Uint8Array(BLOCK_SIZE_BYTES);
    const meta = openSlot(this.#keys.aead(this.header.epoch), this.number, slot, sealed, body);
    return meta?.type === SLOT_NOTE ? decodeNote(body) : undefined;
  }

  async follows(previous: LogReader): Promise<BeginNote | undefined> {
    const note = await this.beginNote();
    if (note?.previous.segment !== previous.number || !equalBytes(note.previous.id, previous.header.id))
      return undefined;
    return note;
  }

  /**
   * Writes the same bytes again from slot `from` up to `end` and makes them durable: what recovery read may be in
   * memory only, and after a failed sync the system takes such pages for clean.
   */
  async rewrite(from: number, end: number): Promise<void> {
    if (from === 0) await this.#write(concatCopies(this.#headerCopy), 0);
    const buffer = new Uint8Array(CHUNK_SLOTS * SLOT_SIZE_BYTES);
    for (let first = from; first < end; first += CHUNK_SLOTS) {
      const chunk = buffer.subarray(0, Math.min(CHUNK_SLOTS, end - first) * SLOT_SIZE_BYTES);
      await this.#read(chunk, slotOffset(first));
      await this.#write(chunk, slotOffset(first));
    }
    try {
      await this.#file.sync();
    } catch (error) {
      throw ioError(`making ${this.#path} durable`, error);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #read(buffer: Uint8Array, position: number): Promise<void> {
    try {
      await this.#file.read(buffer, position);
    } catch (error) {
      throw ioError(`reading ${this.#path}`, error);
    }
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      await this.#file.write(bytes, position);
    } catch (error) {
      throw ioError(`writing ${this.#path}`, error);
    }
  }
}
