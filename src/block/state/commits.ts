import { SystemError } from '../../base/errors.ts';
import { Mutex } from '../../base/mutex.ts';
import type { Head } from '../format/head-format.ts';
import type { Pin } from '../format/pin.ts';
import { checkpoint, commitIdle, renewHead } from './checkpoint.ts';
import type { DiskState, Session } from './disk-state.ts';
import { recover } from './recovery.ts';
import type { LogLoss } from './recovery.ts';
import { beginSession } from './session.ts';

/** A log that was replayed in memory: the files still are as the last holder left them. */
export interface Replayed {
  /** What a salvage left out. */
  readonly loss: LogLoss | undefined;
}

/** The heads of an open disk, one after the other: of sessions, checkpoints, snapshots, and of whatever else a head says. */
export class Commits {
  /** Called whenever a newer state is durable. */
  onPin: ((pin: Pin) => void) | undefined;
  readonly #state: DiskState;
  readonly #turn = new Mutex();
  readonly #onTable: () => Promise<void>;
  /** Whoever writes a head has to recover the files first. */
  #replayed: Replayed | undefined;
  #beginning: Promise<Session> | undefined;

  /** @param onTable called in the head's turn when a new table is durable. */
  constructor(state: DiskState, replayed: Replayed | undefined, onTable: () => Promise<void>) {
    this.#state = state;
    this.#replayed = replayed;
    this.#onTable = onTable;
  }

  get isReplayed(): boolean {
    return this.#replayed !== undefined;
  }

  /** Runs work in the head's turn: while nobody else writes the head or takes a checkpoint. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turn.run(work);
  }

  /** Begins to write; those who ask meanwhile share it. */
  begin(): Promise<Session> {
    this.#beginning ??= this.#turn
      .run(async () => {
        this.#state.session = await beginSession(this.#state);
        this.tell();
        return this.#state.session;
      })
      .finally(() => {
        this.#beginning = undefined;
      });
    return this.#beginning;
  }

  /** Resolves when no session is about to begin. */
  async begun(): Promise<void> {
    await this.#beginning?.catch(() => undefined);
  }

  /** A clean head may be on disk although the disk is being written again: no write is answered before it is replaced. */
  settleHead(): Promise<void> {
    return this.#turn.run(async () => {
      if (!this.#state.headInDoubt) return;
      await this.writeHead();
      this.#state.headInDoubt = false;
    });
  }

  checkpoint(options: { readonly clean: boolean; readonly snapshotId?: string }): Promise<Pin> {
    return this.#turn.run(async () => {
      if (this.#replayed !== undefined) await this.#recoverFiles(this.#replayed);
      await checkpoint(this.#state, options);
      await this.#tableWritten();
      return this.#state.pin;
    });
  }

  /**
   * In the head's turn: a table and a head, whether the disk is being written or not.
   * @param freshEpochs the log goes on under another epoch.
   */
  async commitTable(freshEpochs: boolean): Promise<void> {
    if (this.#state.session === undefined) await commitIdle(this.#state);
    else await checkpoint(this.#state, { clean: false, freshEpochs });
    await this.#tableWritten();
  }

  /** In the head's turn: the head with other fields. */
  async writeHead(changes: Partial<Head> = {}): Promise<void> {
    await renewHead(this.#state, changes);
    this.tell();
  }

  /** Of a head that somebody else wrote in the head's turn. */
  tell(): void {
    this.onPin?.(this.#state.pin);
  }

  async #tableWritten(): Promise<void> {
    this.tell();
    await this.#onTable();
  }

  /** A snapshot of a disk that is open for reading only: its files must be at the state that is read. */
  async #recoverFiles({ loss }: Replayed): Promise<void> {
    if (loss !== undefined) throw new SystemError('denied', 'READ_ONLY', 'a salvaged disk is only read');
    await recover(this.#state);
    this.#replayed = undefined;
  }
}
