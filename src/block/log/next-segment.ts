import type { Limits } from '../files/environment.ts';
import { ioError } from '../files/io-errors.ts';
import type { EpochRecord } from '../format/key-records.ts';
import type { SegmentMaker } from '../segments/segment-files.ts';
import { LogSegment } from './log-segment.ts';
import type { ChunkPool } from './sealed-tail.ts';

/** The segment in which a log will go on, made ahead of time so that no write waits for it. */
export class NextSegment {
  readonly #maker: SegmentMaker;
  readonly #limits: Limits;
  readonly #pool: ChunkPool;
  #prepared: Promise<LogSegment> | undefined;

  constructor(maker: SegmentMaker, limits: Limits, pool: ChunkPool) {
    this.#maker = maker;
    this.#limits = limits;
    this.#pool = pool;
  }

  /** Header and name are durable before the first slot goes in. */
  async make(epoch: EpochRecord): Promise<LogSegment> {
    try {
      const capacity = this.#limits.segmentSlots;
      const { entry, file, path, headerRegion } = await this.#maker.make('log', epoch, capacity);
      const { files, keys } = this.#maker;
      const segment = new LogSegment({ files, file, path, entry, capacity, keys, headerRegion, pool: this.#pool });
      try {
        await files.syncDirectory(this.#maker.store.directory);
        return segment;
      } catch (error) {
        await this.discard(segment);
        throw error;
      }
    } catch (error) {
      throw ioError('making a log segment', error);
    }
  }

  /** Begins to make one, unless that has begun. */
  prepare(epoch: EpochRecord): void {
    if (this.#prepared !== undefined) return;
    this.#prepared = this.make(epoch);
    this.#prepared.catch(() => undefined);
  }

  /**
   * The one that was prepared, or one made now; undefined when that should be tried again.
   * @throws {SystemError} none could be made. One that failed some time ago says nothing of now: space may be back.
   */
  async take(epoch: EpochRecord): Promise<LogSegment | undefined> {
    const isOld = this.#prepared !== undefined;
    this.prepare(epoch);
    const prepared = this.#prepared;
    let fresh: LogSegment | undefined;
    try {
      fresh = await prepared;
    } catch (error) {
      if (this.#prepared === prepared) this.#prepared = undefined;
      if (isOld) return undefined;
      throw error;
    }
    if (this.#prepared !== prepared) return undefined;
    this.#prepared = undefined;
    return fresh;
  }

  /** Keeps one that was taken and not used. */
  giveBack(segment: LogSegment): void {
    this.#prepared = Promise.resolve(segment);
  }

  /** Forgets the prepared one in this turn; resolves when its file is gone. */
  async drop(): Promise<void> {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    await prepared?.then((segment) => this.discard(segment)).catch(() => undefined);
  }

  async discard(segment: LogSegment): Promise<void> {
    await segment.close().catch(() => undefined);
    await this.#maker.files.unlink(segment.path).catch(() => undefined);
  }
}
