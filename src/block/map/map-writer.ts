import { assert } from '../../base/assert.ts';
import { ioError } from '../files/io-errors.ts';
import { addressOf } from '../format/address.ts';
import type { Address } from '../format/address.ts';
import type { EpochRecord } from '../format/key-records.ts';
import { encodeMapPage } from '../format/map-page.ts';
import type { MapEntries } from '../format/map-page.ts';
import { sealSlot, SLOT_MAP, SLOT_SIZE_BYTES, slotOffset } from '../format/slot-format.ts';
import type { SegmentEntry } from '../format/table-format.ts';
import { discardSegment } from '../segments/segment-files.ts';
import type { FreshSegment, SegmentMaker } from '../segments/segment-files.ts';

const BUFFER_SLOTS = 128;

interface OpenMapSegment extends FreshSegment {
  used: number;
  written: number;
}

/** Writes the map pages of one checkpoint into segments of their own, which are never appended to afterwards. */
export class MapWriter {
  readonly #maker: SegmentMaker;
  readonly #epoch: EpochRecord;
  readonly #capacity: number;
  readonly #segments: OpenMapSegment[] = [];
  readonly #buffer = new Uint8Array(BUFFER_SLOTS * SLOT_SIZE_BYTES);

  constructor(maker: SegmentMaker, epoch: EpochRecord, capacity: number) {
    this.#maker = maker;
    this.#epoch = epoch;
    this.#capacity = capacity;
  }

  /** Seals a page, twice when it is not a leaf, and answers where its first copy lies. */
  async append(level: number, index: number, entries: MapEntries): Promise<Address> {
    const copies = level === 0 ? 1 : 2;
    const segment = await this.#segmentWithRoom(copies);
    const aead = this.#maker.keys.aead(this.#epoch);
    const { number } = segment.entry;
    const address = addressOf(number, segment.used);
    const body = encodeMapPage(entries);
    for (let copy = 0; copy < copies; copy++) {
      const slot = segment.used;
      const at = (slot - segment.written) * SLOT_SIZE_BYTES;
      const sealed = this.#buffer.subarray(at, at + SLOT_SIZE_BYTES);
      sealSlot(aead, number, slot, { type: SLOT_MAP, level, index, watermark: 0 }, body, sealed);
      segment.used = slot + 1;
    }
    return address;
  }

  /** Makes everything durable and answers the segments that were made; there may be none. */
  async finish(): Promise<readonly SegmentEntry[]> {
    for (const segment of this.#segments) {
      await this.#writeOut(segment);
      await segment.file.sync();
      await segment.file.close();
    }
    if (this.#segments.length > 0) await this.#maker.files.syncDirectory(this.#maker.store.directory);
    return this.#segments.map(({ entry, used }) => ({ ...entry, slots: used }));
  }

  /** Removes what was written. */
  async abort(): Promise<void> {
    for (const segment of this.#segments) await discardSegment(this.#maker.files, segment);
  }

  async #segmentWithRoom(slots: number): Promise<OpenMapSegment> {
    let current = this.#segments.at(-1);
    if (current === undefined || current.used + slots > this.#capacity) {
      if (current !== undefined) await this.#writeOut(current);
      const fresh = await this.#maker.make('map', this.#epoch, this.#capacity).catch((error: unknown) => {
        throw ioError('making a map segment', error);
      });
      current = { ...fresh, used: 0, written: 0 };
      this.#segments.push(current);
    }
    if (current.used - current.written + slots > BUFFER_SLOTS) await this.#writeOut(current);
    assert(current.used + slots <= this.#capacity, 'a map segment has room');
    return current;
  }

  async #writeOut(segment: OpenMapSegment): Promise<void> {
    const { used, written } = segment;
    if (used === written) return;
    const bytes = this.#buffer.subarray(0, (used - written) * SLOT_SIZE_BYTES);
    await segment.file.write(bytes, slotOffset(written));
    segment.written = used;
  }
}
