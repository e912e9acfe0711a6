import { messageOf, SystemError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { Mutex } from '../../base/mutex.ts';
import { segmentOf, slotOf } from '../format/address.ts';
import type { Address, LogPosition } from '../format/address.ts';
import { SLOT_SIZE_BYTES } from '../format/slot-format.ts';
import type { SegmentStore } from '../segments/segment-store.ts';
import type { LogSegment } from './log-segment.ts';
import type { MarkFile } from './mark-file.ts';

/** The segments of a log that have slots which are not durable, and how they become so. */
export class ActiveSegments {
  readonly #store: SegmentStore;
  readonly #mark: MarkFile;
  readonly #log: Logger;
  /** Oldest first; the one that is appended to is always the last. */
  #segments: LogSegment[];
  /** Everything before this is durable; it always names a segment of which something is, so that a lost tail compares. */
  #durable: LogPosition;
  /** Held by whoever writes to segment files or replaces one. */
  readonly #fileTurn = new Mutex();
  #closed = false;

  constructor(
    first: LogSegment,
    parts: { readonly store: SegmentStore; readonly mark: MarkFile; readonly log: Logger },
  ) {
    this.#segments = [first];
    this.#durable = { segment: first.entry.number, slot: 0 };
    this.#store = parts.store;
    this.#mark = parts.mark;
    this.#log = parts.log;
  }

  get durable(): LogPosition {
    return this.#durable;
  }

  /** True after a failed sync, until the segment was written anew. */
  get isDamaged(): boolean {
    return this.#segments.some((segment) => segment.damaged);
  }

  get hasUnsynced(): boolean {
    return this.#segments.some((segment) => segment.durable < segment.used);
  }

  /** True when a sync has something to do. */
  get needsSync(): boolean {
    return this.#segments.some((segment) => segment.damaged || segment.durable < segment.written);
  }

  get unsyncedBytes(): number {
    let slots = 0;
    for (const segment of this.#segments) slots += segment.used - segment.durable;
    return slots * SLOT_SIZE_BYTES;
  }

  /** How many of `slotsMax` slots may still be sealed into memory; none while a segment is damaged. */
  room(slotsMax: number): number {
    let unsynced = 0;
    for (const segment of this.#segments) {
      if (segment.damaged) return 0;
      unsynced += segment.used - segment.durable;
    }
    return Math.max(0, slotsMax - unsynced);
  }

  /** From now on slots go into this one. */
  add(segment: LogSegment): void {
    this.#segments.push(segment);
  }

  /** The sealed bytes of a slot that is still in memory, to be used before the next await. */
  peek(address: Address): Uint8Array | undefined {
    const number = segmentOf(address);
    for (const segment of this.#segments) if (segment.entry.number === number) return segment.peek(slotOf(address));
    return undefined;
  }

  /** Everything that was sealed before goes to the files, in order. */
  async write(): Promise<void> {
    const targets = this.#segments.map((segment) => ({ segment, end: segment.used }));
    for (const { segment, end } of targets)
      if (segment.written < end)
        await this.#fileTurn.run(() => {
          this.refuseClosed();
          return segment.writeUpTo(end);
        });
  }

  /** Everything that was written before becomes durable; what cannot is written again to a fresh file. */
  async sync(): Promise<void> {
    this.refuseClosed();
    const targets = this.#segments.map((segment) => ({ segment, end: segment.written }));
    for (const { segment, end } of targets) {
      if (!segment.damaged && segment.durable >= end) continue;
      if (!segment.damaged) {
        try {
          await segment.syncUpTo(end);
        } catch (error) {
          segment.damaged = true;
          this.#log.error(
            { segment: segment.entry.number, reason: messageOf(error) },
            'a sync of the log failed; what was written since the last one goes to a fresh file',
          );
        }
      }
      if (segment.damaged) {
        await this.#fileTurn.run(() => {
          this.refuseClosed();
          return segment.rescue(Math.max(end, segment.written));
        });
        this.#store.forgetFile(segment.entry.number);
      }
      this.#durable = { segment: segment.entry.number, slot: segment.durable };
    }
    await this.#retireDurable();
    await this.#mark.record(this.#durable);
  }

  /** Nothing is written any more. */
  stop(): void {
    this.#closed = true;
  }

  /** Resolves when nothing uses the files. */
  async idle(): Promise<void> {
    await this.#fileTurn.run(() => undefined);
  }

  async close(): Promise<void> {
    for (const segment of this.#segments) await segment.close().catch(() => undefined);
    await this.#mark.close().catch(() => undefined);
  }

  refuseClosed(): void {
    if (this.#closed) throw new SystemError('conflict', 'DISK_CLOSED', 'the disk was closed');
  }

  async #retireDurable(): Promise<void> {
    const current = this.#segments.at(-1);
    const done = this.#segments.filter((segment) => segment !== current && segment.durable === segment.used);
    this.#segments = this.#segments.filter((segment) => !done.includes(segment));
    for (const segment of done) await segment.close().catch(() => undefined);
  }
}
