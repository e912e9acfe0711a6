import { SystemError } from '../base/errors.ts';
import type { BlockWriter } from './blocks/block-writer.ts';
import type { Collections } from './collect/collections.ts';
import type { Upkeep } from './collect/upkeep.ts';
import type { Log } from './log/log.ts';
import type { DiskState, Session } from './state/disk-state.ts';
import type { OpenParts } from './state/open-parts.ts';

/**
 * What clients change: at once where nothing has to be waited for, else behind the head of a session, a checkpoint, the
 * collector, and only while there is space.
 */
export class ClientWrites {
  readonly #state: DiskState;
  readonly #parts: OpenParts;
  readonly #writer: BlockWriter;
  readonly #collections: Collections;
  readonly #upkeep: Upkeep;

  constructor(parts: OpenParts, writer: BlockWriter, collections: Collections, upkeep: Upkeep) {
    this.#state = parts.state;
    this.#parts = parts;
    this.#writer = writer;
    this.#collections = collections;
    this.#upkeep = upkeep;
  }

  /** See `Disk.write`. */
  write(offset: number, data: Uint8Array, fua: boolean): Promise<void> {
    const log = fua ? undefined : this.#logAtHand();
    const done = log === undefined ? 0 : this.#writer.writeAtOnce(log, offset, data);
    if (log !== undefined && done === data.length) {
      this.#upkeep.checkpointIfDue();
      return log.written();
    }
    const rest = data.subarray(done);
    return this.#change(fua, async (ready) => {
      await this.#collections.refuseWithoutSpace(ready);
      await this.#writer.write(ready, offset + done, rest);
    });
  }

  /** See `Disk.trim`. */
  trim(offset: number, length: number, fua: boolean): Promise<void> {
    return this.#change(fua, (log) => this.#writer.trim(log, offset, length));
  }

  /** See `Disk.zero`. */
  zero(offset: number, length: number, options: { readonly fua: boolean; readonly noHole: boolean }): Promise<void> {
    return this.#change(options.fua, (log) => this.#writer.zero(log, offset, length, options));
  }

  async #change(fua: boolean, change: (log: Log) => Promise<void>): Promise<void> {
    if (this.#parts.readOnly) throw new SystemError('denied', 'READ_ONLY', 'the disk is open for reading only');
    await this.#parts.operations.run(async () => {
      const { log } = this.#state.session ?? (await this.#begin());
      if (this.#state.headInDoubt) await this.#parts.commits.settleHead();
      await this.#keepBehind(log);
      await change(log);
      await log.written();
      if (fua) await log.flush();
    });
    this.#upkeep.checkpointIfDue();
  }

  /** The log when a write has nothing to wait for before it is appended. */
  #logAtHand(): Log | undefined {
    const { session, headInDoubt, pace, overlay } = this.#state;
    if (this.#parts.readOnly || !this.#parts.operations.isOpen || session === undefined || headInDoubt)
      return undefined;
    if (this.#collections.background.clientsMustWait || this.#collections.reserve.isDue(session.log.slotsAppended))
      return undefined;
    return pace?.mustWait(overlay.size, session.log.slotsAppended) === true ? undefined : session.log;
  }

  async #begin(): Promise<Session> {
    const session = await this.#parts.commits.begin();
    this.#upkeep.watch();
    return session;
  }

  /** Behind the checkpoint and the collector. */
  async #keepBehind(log: Log): Promise<void> {
    const state = this.#state;
    while (state.pace?.mustWait(state.overlay.size, log.slotsAppended) === true) await state.pace.moved();
    const { background } = this.#collections;
    while (background.clientsMustWait) await background.moved();
  }
}
