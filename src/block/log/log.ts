import { messageOf, SystemError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { Mutex } from '../../base/mutex.ts';
import type { Limits } from '../files/environment.ts';
import { ioError } from '../files/io-errors.ts';
import { addressOf, segmentOf, slotOf } from '../format/address.ts';
import type { Address, LogPosition } from '../format/address.ts';
import type { EpochRecord } from '../format/key-records.ts';
import { encodeNote } from '../format/note-format.ts';
import type { Note } from '../format/note-format.ts';
import { SLOT_DATA, SLOT_NOTE, SLOT_SIZE_BYTES } from '../format/slot-format.ts';
import type { SegmentMaker } from '../segments/segment-files.ts';
import { GroupCommit } from './group-commit.ts';
import type { LogSegment } from './log-segment.ts';
import type { MarkFile } from './mark-file.ts';
import { NextSegment } from './next-segment.ts';
import { ChunkPool } from './sealed-tail.ts';

/**
 * The log of one session: slots in the order in which they were sealed, in one segment after the other.
 *
 * 1. `append…` seals into memory and fixes the address. 2. `written` resolves when the operating system has the bytes;
 * writes go out in order, one at a time, so that the end of the process leaves a prefix. 3. `flush` resolves when
 * everything written before the call is durable; all who wait share one sync.
 */
export class Log {
  readonly #maker: SegmentMaker;
  readonly #limits: Limits;
  readonly #mark: MarkFile;
  readonly #log: Logger;
  readonly #next: NextSegment;
  /** Held by whoever writes to segment files or replaces one. */
  readonly #fileTurn = new Mutex();
  #epoch: EpochRecord;
  #current: LogSegment;
  /** Segments with slots that are not durable, oldest first; the current one is always the last. */
  #active: LogSegment[];
  #rolling: Promise<void> | undefined;
  readonly #writes = new GroupCommit('after this turn', () => this.#writeOut());
  readonly #syncs = new GroupCommit('at once', () => this.#syncOut());
  /** Why the last write to a segment failed; its slots are in memory and go out before any other. */
  #stuck: SystemError | undefined;
  #appended = 0;
  #closed = false;
  /** Everything before this is durable; it always names a segment of which something is, so that a lost tail compares. */
  #durable: LogPosition;

  private constructor(parts: LogParts, first: LogSegment, next: NextSegment) {
    this.#next = next;
    this.#maker = parts.maker;
    this.#limits = parts.limits;
    this.#mark = parts.mark;
    this.#log = parts.log;
    this.#epoch = parts.epoch;
    this.#current = first;
    this.#active = [first];
    this.#durable = { segment: first.entry.number, slot: 0 };
  }

  /** Makes the first segment, with its header and its name durable, so that a head may name it. */
  static async start(parts: LogParts): Promise<Log> {
    const next = new NextSegment(parts.maker, parts.limits, new ChunkPool(parts.limits.chunkSlots));
    const first = await next.make(parts.epoch);
    const log = new Log(parts, first, next);
    parts.maker.store.put(first.entry);
    log.#begin({ segment: 0, id: new Uint8Array(16), slots: 0 });
    return log;
  }

  /** Where the next slot goes. */
  get end(): LogPosition {
    return { segment: this.#current.entry.number, slot: this.#current.used };
  }

  /** Of the current segment and those that follow it. */
  get epoch(): EpochRecord {
    return this.#epoch;
  }

  /** Everything before this survives power loss. */
  get durable(): LogPosition {
    return this.#durable;
  }

  get currentId(): Uint8Array {
    return this.#current.entry.id;
  }

  /** In the life of this log. */
  get slotsAppended(): number {
    return this.#appended;
  }

  /** True while something that was sealed would not survive power loss. */
  get hasUnsynced(): boolean {
    return this.#active.some((segment) => segment.durable < segment.used);
  }

  get unsyncedBytes(): number {
    let slots = 0;
    for (const segment of this.#active) slots += segment.used - segment.durable;
    return slots * SLOT_SIZE_BYTES;
  }

  /**
   * To be awaited before appending: room in the current segment, bounded memory, and no failure in the way.
   * Answers at once, with undefined, when there is nothing to wait for.
   * @throws {SystemError} kind `no-space` or `unavailable`: nothing was appended; the next call tries again.
   */
  ready(): Promise<void> | undefined {
    if (
      this.#stuck === undefined &&
      !this.#current.isFull &&
      !this.#active.some((segment) => segment.damaged) &&
      this.unsyncedBytes < this.#limits.unsyncedBytesMax
    )
      return undefined;
    return this.#makeReady();
  }

  /** How many slots may be appended in this turn without waiting for anything. */
  get room(): number {
    if (this.#stuck !== undefined) return 0;
    let unsynced = 0;
    for (const segment of this.#active) {
      if (segment.damaged) return 0;
      unsynced += segment.used - segment.durable;
    }
    const memory = Math.floor(this.#limits.unsyncedBytesMax / SLOT_SIZE_BYTES) - unsynced;
    return Math.max(0, Math.min(memory, this.#current.room));
  }

  /** `ready` must have answered in the same turn. */
  appendBlock(block: number, body: Uint8Array): Address {
    return this.#append(SLOT_DATA, block, body);
  }

  appendNote(note: Note): Address {
    return this.#append(SLOT_NOTE, 0, encodeNote(note));
  }

  /** Resolves when everything appended so far survives the end of this process. */
  written(): Promise<void> {
    return this.#writes.join();
  }

  /**
   * Resolves when everything written before the call survives power loss.
   * @throws {SystemError} the sync failed and so did the rescue: nothing since the last success may be believed durable.
   */
  flush(): Promise<void> {
    if (!this.#active.some((segment) => segment.damaged || segment.durable < segment.written)) {
      // Somebody else's sync may already cover it, yet only its end says so.
      if (!this.#syncs.isRunning) return Promise.resolve();
    }
    return this.#syncs.join();
  }

  /** The sealed bytes of a slot that is still in memory, to be used before the next await. */
  peek(address: Address): Uint8Array | undefined {
    const number = segmentOf(address);
    for (const segment of this.#active) if (segment.entry.number === number) return segment.peek(slotOf(address));
    return undefined;
  }

  /**
   * Goes on in a fresh segment under a fresh epoch, so that nothing is ever appended again to what was written before.
   * `atSwitch` runs in the turn of the switch, between the last slot of the old segment and the first of the new one,
   * and is given the position that the log had.
   */
  async switchEpoch<T>(atSwitch: (end: LogPosition) => T): Promise<T> {
    const epoch = this.#maker.newEpoch();
    for (;;) {
      const fresh = await this.#next.make(epoch);
      if (fresh.entry.number < this.#current.entry.number) {
        // The log rolled on to a younger segment meanwhile; numbers only grow along the log.
        await this.#next.discard(fresh);
        continue;
      }
      const dropped = this.#next.drop();
      this.#epoch = epoch;
      const result = atSwitch(this.end);
      this.#activate(fresh);
      await dropped;
      return result;
    }
  }

  /**
   * Lets go of the files, when nothing uses them any more. Unwritten slots are dropped: flush before, or mean it.
   * Whoever waits for them is told.
   */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#syncs.idle();
    await this.#fileTurn.run(() => undefined);
    await this.#next.drop();
    for (const segment of this.#active) await segment.close().catch(() => undefined);
    await this.#mark.close().catch(() => undefined);
  }

  #append(type: number, index: number, body: Uint8Array): Address {
    const segment = this.#current;
    const address = addressOf(segment.entry.number, segment.seal(type, index, body));
    this.#appended += 1;
    if (segment.used * 2 >= segment.capacity) this.#next.prepare(this.#epoch);
    return address;
  }

  async #makeReady(): Promise<void> {
    this.#refuseClosed();
    while (this.#stuck !== undefined) {
      this.#stuck = undefined;
      await this.written();
    }
    if (this.#active.some((segment) => segment.damaged)) await this.flush();
    while (this.unsyncedBytes >= this.#limits.unsyncedBytesMax) {
      await this.written();
      await this.flush();
    }
    if (this.#current.isFull) await this.#roll();
  }

  #begin(previous: { readonly segment: number; readonly id: Uint8Array; readonly slots: number }): void {
    this.appendNote({ kind: 'begin', previous, durable: this.#durable });
    void this.written();
  }

  #roll(): Promise<void> {
    this.#rolling ??= this.#rollNow().finally(() => {
      this.#rolling = undefined;
    });
    return this.#rolling;
  }

  async #rollNow(): Promise<void> {
    while (this.#current.isFull) {
      const fresh = await this.#next.take(this.#epoch);
      if (fresh === undefined) continue;
      if (fresh.entry.number < this.#current.entry.number) await this.#next.discard(fresh);
      else if (this.#current.isFull) this.#activate(fresh);
      else this.#next.giveBack(fresh);
    }
  }

  #activate(fresh: LogSegment): void {
    const old = this.#current;
    old.sealSummary();
    this.#maker.store.put({ ...old.entry, slots: old.used });
    this.#current = fresh;
    this.#active.push(fresh);
    this.#maker.store.put(fresh.entry);
    this.#begin({ segment: old.entry.number, id: old.entry.id, slots: old.used });
  }

  async #writeOut(): Promise<void> {
    try {
      await this.#writeSealed();
    } catch (error) {
      this.#stuck = ioError('writing to the log', error);
      throw this.#stuck;
    } finally {
      // Not when there is nothing left to write: under continuous writes there always is.
      if (this.unsyncedBytes >= this.#limits.syncEveryBytes && !this.#syncs.isRunning)
        this.flush().catch(() => undefined);
    }
  }

  async #writeSealed(): Promise<void> {
    const targets = this.#active.map((segment) => ({ segment, end: segment.used }));
    for (const { segment, end } of targets)
      if (segment.written < end)
        await this.#fileTurn.run(() => {
          this.#refuseClosed();
          return segment.writeUpTo(end);
        });
  }

  #refuseClosed(): void {
    if (this.#closed) throw new SystemError('conflict', 'DISK_CLOSED', 'the disk was closed');
  }

  async #syncOut(): Promise<void> {
    try {
      this.#refuseClosed();
      await this.#syncOnce();
    } catch (error) {
      throw ioError('making the log durable', error);
    }
  }

  async #syncOnce(): Promise<void> {
    const targets = this.#active.map((segment) => ({ segment, end: segment.written }));
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
          this.#refuseClosed();
          return segment.rescue(Math.max(end, segment.written));
        });
        this.#maker.store.forgetFile(segment.entry.number);
      }
      this.#durable = { segment: segment.entry.number, slot: segment.durable };
    }
    await this.#retireDurable();
    await this.#mark.record(this.#durable);
  }

  async #retireDurable(): Promise<void> {
    const done = this.#active.filter((segment) => segment !== this.#current && segment.durable === segment.used);
    this.#active = this.#active.filter((segment) => !done.includes(segment));
    for (const segment of done) await segment.close().catch(() => undefined);
  }
}

export interface LogParts {
  readonly maker: SegmentMaker;
  readonly limits: Limits;
  readonly mark: MarkFile;
  readonly log: Logger;
  readonly epoch: EpochRecord;
}
