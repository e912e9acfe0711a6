import type { SystemError } from '../../base/errors.ts';
import { corrupt } from '../files/io-errors.ts';
import { isBefore } from '../format/address.ts';
import type { Address, LogPosition } from '../format/address.ts';
import { equalBytes } from '../format/fixed-bytes.ts';
import { decodeNote, NOT_A_BLOCK } from '../format/note-format.ts';
import type { RunNote } from '../format/note-format.ts';
import { SLOT_DATA, SLOT_NOTE } from '../format/slot-format.ts';
import type { SlotMeta } from '../format/slot-format.ts';
import type { LogReader } from '../log/log-reader.ts';
import { Overlay } from '../map/overlay.ts';

/** What becomes of damage; undefined: it is refused. */
export type Tolerate = ((error: SystemError) => void) | undefined;

/** Follows the log of a session, and keeps what it says: where blocks are, and how far it was durable. */
export class Replay {
  readonly overlay = new Overlay();
  readonly #readers: readonly LogReader[];
  readonly #blockCount: number;
  /** Segments that belong to the log and how many of their slots. */
  readonly #used = new Map<LogReader, number>();
  /** The furthest position that anything says was durable. */
  #durable: LogPosition = { segment: 0, slot: 0 };

  constructor(readers: readonly LogReader[], blockCount: number) {
    this.#readers = readers;
    this.#blockCount = blockCount;
  }

  /** Applies the log from `start` and answers where it ends. */
  async run(
    start: { readonly segment: number; readonly id: Uint8Array; readonly slot: number },
    tolerate?: Tolerate,
  ): Promise<LogPosition> {
    let current = this.#readers.find((reader) => equalBytes(reader.header.id, start.id));
    this.noteDurable(start);
    if (current === undefined) {
      const missing = corrupt('LOG_MISSING', `log segment ${start.segment} is missing or its header is damaged`);
      if (tolerate === undefined) throw missing;
      tolerate(missing);
      return { segment: start.segment, slot: start.slot };
    }
    let stop = await this.#apply(current, start.slot);
    for (;;) {
      this.#used.set(current, stop);
      const next = await this.#successor(current, stop);
      if (next === undefined) return { segment: current.number, slot: stop };
      current = next;
      stop = await this.#apply(current, 0);
    }
  }

  get durable(): LogPosition {
    return this.#durable;
  }

  noteDurable(position: LogPosition): void {
    if (isBefore(this.#durable, position)) this.#durable = position;
  }

  /** Looks behind the end for slots that were written after something there was known to be durable. */
  async refuseIfDurableBeyond(end: LogPosition, tolerate?: Tolerate): Promise<void> {
    for (const reader of this.#readers) {
      const used = this.#used.get(reader);
      if (used !== undefined && reader.number !== end.segment) continue;
      await reader.scan(used ?? 0, (_slot, meta, body) => {
        if (meta !== undefined) this.#noteEvidence(reader, meta, body);
        return true;
      });
    }
    if (!isBefore(end, this.#durable)) return;
    const damaged = corrupt(
      'LOG_CORRUPT',
      `slot ${end.slot} of log segment ${end.segment} is damaged although it was flushed; restore the disk or salvage it`,
    );
    if (tolerate === undefined) throw damaged;
    tolerate(damaged);
  }

  async rewriteTail(end: LogPosition): Promise<void> {
    for (const [reader, used] of this.#used) {
      if (reader.number < this.#durable.segment) continue;
      const from = reader.number === this.#durable.segment ? this.#durable.slot : 0;
      await reader.rewrite(Math.min(from, used), reader.number === end.segment ? end.slot : used);
    }
  }

  entries() {
    return [...this.#used].map(([reader, used]) => reader.entry(used));
  }

  async #apply(reader: LogReader, from: number): Promise<number> {
    return (await this.#applySummary(reader, from)) ?? (await this.#applySlots(reader, from));
  }

  /**
   * Where all of a segment is known to be durable, its summary says the same as its slots, at a hundredth of the cost.
   * What is damaged among them is found when it is read. Undefined when the slots have to be asked.
   */
  async #applySummary(reader: LogReader, from: number): Promise<number | undefined> {
    const end = await this.#provenEnd(reader);
    const blocks = end === undefined ? undefined : await reader.summary(end);
    if (end === undefined || blocks === undefined) return undefined;
    const notes = new Map<number, RunNote>();
    for (let slot = from; slot < blocks.length; slot++) {
      if (blocks[slot] !== NOT_A_BLOCK) continue;
      const note = await reader.note(slot);
      if (note === undefined) return undefined;
      if (note.kind === 'run') notes.set(slot, note);
    }
    for (let slot = from; slot < blocks.length; slot++) {
      const block = blocks[slot] ?? NOT_A_BLOCK;
      const run = notes.get(slot);
      if (block !== NOT_A_BLOCK) this.#applyBlock(block, reader.addressOf(slot));
      else if (run !== undefined) this.#applyRun(run);
    }
    return end;
  }

  /** How many slots the log has in this segment, if another one goes on after them and all of them are durable. */
  async #provenEnd(reader: LogReader): Promise<number | undefined> {
    for (const candidate of this.#readers) {
      if (candidate.number <= reader.number) continue;
      const note = await candidate.follows(reader);
      if (note === undefined) continue;
      this.noteDurable(note.durable);
      const { slots } = note.previous;
      const isDurable = !isBefore(this.#durable, { segment: reader.number, slot: slots });
      return isDurable && slots <= reader.slots ? slots : undefined;
    }
    return undefined;
  }

  async #applySlots(reader: LogReader, from: number): Promise<number> {
    let stop = Math.max(from, reader.slots);
    await reader.scan(from, (slot, meta, body) => {
      if (meta === undefined) {
        stop = slot;
        return false;
      }
      this.#noteEvidence(reader, meta, body);
      this.#applySlot(reader, slot, meta, body);
      return true;
    });
    return stop;
  }

  #applySlot(reader: LogReader, slot: number, meta: SlotMeta, body: Uint8Array): void {
    if (meta.type === SLOT_DATA) {
      this.#applyBlock(meta.index, reader.addressOf(slot));
      return;
    }
    const note = meta.type === SLOT_NOTE ? decodeNote(body) : undefined;
    if (note === undefined)
      throw corrupt('LOG_UNKNOWN', `slot ${slot} of log segment ${reader.number} is of a kind that this version lacks`);
    if (note.kind === 'run') this.#applyRun(note);
  }

  #applyBlock(block: number, address: Address): void {
    this.#checkBlocks(block, 1);
    this.overlay.set(block, address);
  }

  #applyRun({ firstBlock, blockCount, marker }: RunNote): void {
    this.#checkBlocks(firstBlock, blockCount);
    this.overlay.setRun(firstBlock, blockCount, marker);
  }

  #checkBlocks(first: number, count: number): void {
    if (!(first + count <= this.#blockCount))
      throw corrupt('LOG_CORRUPT', `the log names block ${first + count - 1}, which lies behind the disk's end`);
  }

  #noteEvidence(reader: LogReader, meta: SlotMeta, body: Uint8Array): void {
    if (meta.watermark > 0) this.noteDurable({ segment: reader.number, slot: meta.watermark });
    const note = meta.type === SLOT_NOTE ? decodeNote(body) : undefined;
    if (note?.kind === 'begin') this.noteDurable(note.durable);
  }

  /** The segment that goes on where `current` ends, if the log got that far. */
  async #successor(current: LogReader, stop: number): Promise<LogReader | undefined> {
    for (const candidate of this.#readers) {
      if (candidate.number <= current.number) continue;
      const note = await candidate.follows(current);
      if (note !== undefined && note.previous.slots === stop) return candidate;
    }
    return undefined;
  }
}
