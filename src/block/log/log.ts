import type { SystemError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Limits } from '../files/environment.ts';
import { ioError } from '../files/io-errors.ts';
import { addressOf } from '../format/address.ts';
import type { Address, LogPosition } from '../format/address.ts';
import type { EpochRecord } from '../format/key-records.ts';
import { encodeNote } from '../format/note-format.ts';
import type { Note } from '../format/note-format.ts';
import { SLOT_DATA, SLOT_NOTE, SLOT_SIZE_BYTES } from '../format/slot-format.ts';
import type { SegmentMaker } from '../segments/segment-files.ts';
import { ActiveSegments } from './active-segments.ts';
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
  readonly #next: NextSegment;
  readonly #active: ActiveSegments;
  #epoch: EpochRecord;
  #current: LogSegment;
  #rolling: Promise<void> | undefined;
  readonly #writes = new GroupCommit('after this turn', () => this.#writeOut());
  readonly #syncs = new GroupCommit('at once', () => this.#syncOut());
  /** Why the last write to a segment failed; its slots are in memory and go out before any other. */
  #stuck: SystemError | undefined;
  #appended = 0;

  private constructor(parts: LogParts, first: LogSegment, next: NextSegment) {
    this.#next = next;
    this.#maker = parts.maker;
    this.#limits = parts.limits;
    this.#epoch = parts.epoch;
    this.#current = first;
    this.#active = new ActiveSegments(first, { store: parts.maker.store, mark: parts.mark, log: parts.log });
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
    return this.#active.durable;
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
    return this.#active.hasUnsynced;
  }

  get unsyncedBytes(): number {
    return this.#active.unsyncedBytes;
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
      !this.#active.isDamaged &&
      this.unsyncedBytes < this.#limits.unsyncedBytesMax
    )
      return undefined;
    return this.#makeReady();
  }

  /** How many slots may be appended in this turn without waiting for anything. */
  get room(): number {
    if (this.#stuck !== undefined) return 0;
    const slotsMax = Math.floor(this.#limits.unsyncedBytesMax / SLOT_SIZE_BYTES);
    return Math.min(this.#active.room(slotsMax), this.#current.room);
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
    // Somebody else's sync may already cover it, yet only its end says so.
    if (!this.#active.needsSync && !this.#syncs.isRunning) return Promise.resolve();
    return this.#syncs.join();
  }

  /** The sealed bytes of a slot that is still in memory, to be used before the next await. */
  peek(address: Address): Uint8Array | undefined {
    return this.#active.peek(address);
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
    this.#active.stop();
    await this.#syncs.idle();
    await this.#active.idle();
    await this.#next.drop();
    await this.#active.close();
  }

  #append(type: number, index: number, body: Uint8Array): Address {
    const segment = this.#current;
    const address = addressOf(segment.entry.number, segment.seal(type, index, body));
    this.#appended += 1;
    if (segment.used * 2 >= segment.capacity) this.#next.prepare(this.#epoch);
    return address;
  }

  async #makeReady(): Promise<void> {
    this.#active.refuseClosed();
    while (this.#stuck !== undefined) {
      this.#stuck = undefined;
      await this.written();
    }
    if (this.#active.isDamaged) await this.flush();
    while (this.unsyncedBytes >= this.#limits.unsyncedBytesMax) {
      await this.written();
      await this.flush();
    }
    if (this.#current.isFull) await this.#roll();
  }

  #begin(previous: { readonly segment: number; readonly id: Uint8Array; readonly slots: number }): void {
    this.appendNote({ kind: 'begin', previous, durable: this.#active.durable });
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
    this.#active.add(fresh);
    this.#maker.store.put(fresh.entry);
    this.#begin({ segment: old.entry.number, id: old.entry.id, slots: old.used });
  }

  async #writeOut(): Promise<void> {
    try {
      await this.#active.write();
    } catch (error) {
      this.#stuck = ioError('writing to the log', error);
      throw this.#stuck;
    } finally {
      // Not when there is nothing left to write: under continuous writes there always is.
      if (this.unsyncedBytes >= this.#limits.syncEveryBytes && !this.#syncs.isRunning)
        this.flush().catch(() => undefined);
    }
  }

  async #syncOut(): Promise<void> {
    try {
      await this.#active.sync();
    } catch (error) {
      throw ioError('making the log durable', error);
    }
  }
}

export interface LogParts {
  readonly maker: SegmentMaker;
  readonly limits: Limits;
  readonly mark: MarkFile;
  readonly log: Logger;
  readonly epoch: EpochRecord;
}
