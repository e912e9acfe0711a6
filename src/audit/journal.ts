// The log as a thing to append to: group commit, new files, and what happens when the system refuses.
import path from 'node:path';

import type { Clock } from '../base/clock.ts';
import { messageOf, SystemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { MiB } from '../base/units.ts';
import type { AuditKey } from './audit-key.ts';
import type { Content } from './chain.ts';
import { contentOf, encodeLines } from './chain.ts';
import type { AuditEvent, Point } from './events.ts';
import { fileName, UNFINISHED_FILE } from './file-names.ts';
import { HeadFile } from './head-file.ts';
import type { LogFile, LogFiles } from './log-files.ts';
import { findEnd } from './recovery.ts';
import type { FoundLog } from './recovery.ts';

export interface JournalLimits {
  /** A file that is longer, or of another day, is followed by a new one. */
  readonly fileBytesMax: number;
  /** With more than this written and not synced, writers wait for a sync. */
  readonly unsyncedCharactersMax: number;
  /** How often what is written is synced although nobody waits for that, and a refused file is tried again. */
  readonly syncMs: number;
}

export const DEFAULT_JOURNAL_LIMITS: JournalLimits = {
  // About 100,000 records, verified in a second or two.
  fileBytesMax: 64 * MiB,
  // Kept in memory, to be written once more into another file when a sync fails.
  unsyncedCharactersMax: 16 * MiB,
  syncMs: 1_000,
};

export interface JournalParts {
  readonly files: LogFiles;
  readonly directory: string;
  readonly key: AuditKey;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: Partial<JournalLimits>;
}

/**
 * Appends records. `write` puts a record into the file, or counts it as missed when that fails; `commit` has it on the
 * medium, or throws.
 *
 * Whatever the system refuses, a write or a sync, ends the file: what it may lack is written once more into a new one,
 * which says where the old one ends. So a failed sync is never believed, and nothing is ever overwritten or cut off.
 */
export class AuditJournal {
  readonly #parts: JournalParts;
  readonly #limits: JournalLimits;
  readonly #ticking: Disposable;
  readonly #headTurn: number;
  #head: HeadFile | undefined;
  /** Undefined while no file can be written. */
  #file: LogFile | undefined;
  #fileDay = '';
  #lastFile: number;
  /** The last record in `#file`. */
  #tip: Point;
  #durable: Point;
  /** What follows `#durable`. */
  #contents: Content[];
  #contentsCharacters = 0;
  /** How many of them are in a file already. */
  #written: number;
  /** Records that are in no file, since the last one that is. */
  #missed: { readonly fromMs: number; count: number; readonly reason: string } | undefined;
  /** Counts how often records were dropped. */
  #drops = 0;
  #flushing: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;
  #nextSync: Promise<void> | undefined;
  #inSync: LogFile | undefined;
  #closed = false;

  private constructor(parts: JournalParts, found: FoundLog) {
    this.#parts = parts;
    this.#limits = { ...DEFAULT_JOURNAL_LIMITS, ...parts.limits };
    this.#headTurn = found.head?.turn ?? 0;
    this.#lastFile = found.lastFile;
    this.#tip = found.tip;
    this.#durable = found.durable;
    this.#contents = [...found.contents];
    if (found.problem !== undefined) this.#append({ kind: 'break', reason: found.problem });
    this.#written = this.#contents.length;
    this.#ticking = parts.clock.every(this.#limits.syncMs, () => {
      if (this.#contents.length > 0 || this.#file === undefined) void this.#sync().catch(() => undefined);
    });
  }

  /**
   * Goes on where the log ends. What is wrong with it becomes a record; where nothing can be written, commits are refused
   * until that has changed.
   */
  static open(parts: JournalParts): AuditJournal {
    const { files, directory, key, log } = parts;
    const found = findEnd(files, directory, key);
    const journal = new AuditJournal(parts, found);
    if (found.problem !== undefined)
      log.error(
        { directory, problem: found.problem },
        'the audit log is not as it was left; sealdisk audit verify says more',
      );
    else if (found.endsCleanly && found.tip.file > 0) journal.#goOn(found);
    return journal;
  }

  /** The last record that is durable. */
  get durable(): Point {
    return this.#durable;
  }

  /** @throws {SystemError} kind `unavailable`, code `AUDIT_UNAVAILABLE`: a commit would fail. */
  ready(): Promise<void> {
    return this.#file === undefined ? this.#sync() : Promise.resolve();
  }

  /** Resolves when the record is in the file, or counted as missed. */
  async write(event: AuditEvent): Promise<void> {
    if (this.#file === undefined) {
      this.#miss(1, 'the log could not be written');
      return;
    }
    this.#append(event);
    const isMuch = this.#contentsCharacters > this.#limits.unsyncedCharactersMax;
    await (isMuch ? this.#sync() : this.#flush()).catch(() => undefined);
  }

  /**
   * Resolves when the record is durable, and everything before it. Those who wait at the same time share a sync.
   * @throws {SystemError} kind `unavailable`, code `AUDIT_UNAVAILABLE`: nobody may rely on it.
   */
  async commit(event: AuditEvent): Promise<void> {
    const drops = this.#drops;
    this.#append(event);
    await this.#sync();
    if (this.#drops !== drops) throw unavailable('the log could not be written');
  }

  /** Puts what was appended so far into the file; answers the last record there. */
  async flushed(): Promise<Point> {
    await this.#flush().catch(() => undefined);
    return this.#file === undefined ? this.#durable : this.#tip;
  }

  /** Has durable what was appended so far, if that can be. */
  synced(): Promise<void> {
    return this.#sync().catch(() => undefined);
  }

  /** @param last becomes the last record. */
  async close(last: AuditEvent): Promise<void> {
    this.#ticking[Symbol.dispose]();
    try {
      await this.commit(last);
      // Both copies, so that afterwards each of them has to be there.
      for (let copy = 0; copy < 2; copy++) this.#head?.write({ ...this.#durable, closed: true });
      this.#head?.syncNow();
    } catch (error) {
      this.#parts.log.error({ reason: messageOf(error) }, 'the audit log could not be closed in order');
    } finally {
      this.#closed = true;
      this.#useFile(undefined);
      this.#head?.close();
    }
  }

  /** Appends to the last file that was found. */
  #goOn({ tip, head }: FoundLog): void {
    const { files, directory } = this.#parts;
    try {
      const name = path.join(directory, fileName(tip.file));
      const file = files.open(name);
      if (file === undefined || head === undefined) return;
      this.#fileDay = dayOfFile(files, name);
      this.#head = this.#openHead();
      if (head.closed) {
        this.#head.write({ ...head, closed: false });
        this.#head.syncNow();
      }
      this.#file = file;
    } catch (error) {
      this.#drop(error);
    }
  }

  #openHead(): HeadFile {
    const { files, directory, key } = this.#parts;
    const head = HeadFile.open(files, directory, key, this.#headTurn);
    if (this.#headTurn === 0 && this.#lastFile === 0) {
      head.write({ ...this.#durable, closed: false });
      head.syncNow();
    }
    return head;
  }

  #append(event: AuditEvent): void {
    const content = contentOf({ time: this.#now(), ...event });
    this.#contents.push(content);
    this.#contentsCharacters += content.length;
  }

  /** One write for everything that is appended in this turn of the event loop. */
  #flush(): Promise<void> {
    this.#flushing ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        this.#flushing = undefined;
        try {
          this.#flushNow();
          resolve();
        } catch (error) {
          reject(error as Error);
        }
      });
    });
    return this.#flushing;
  }

  #flushNow(): void {
    if (this.#written === this.#contents.length) return;
    if (this.#file === undefined) {
      this.#startFile();
      return;
    }
    const { bytes, link } = encodeLines(this.#parts.key.macKey, this.#tip, this.#contents.slice(this.#written));
    try {
      this.#file.write(bytes, this.#tip.offset);
    } catch (error) {
      this.#parts.log.warn({ reason: messageOf(error) }, 'the audit log could not be written; trying another file');
      this.#startFile();
      return;
    }
    this.#tip = { ...link, file: this.#tip.file, offset: this.#tip.offset + bytes.length };
    this.#written = this.#contents.length;
  }

  /** Settles like the sync that covers everything before this call. */
  #sync(): Promise<void> {
    this.#nextSync ??= (this.#syncing ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        this.#nextSync = undefined;
        this.#syncing = this.#syncOnce();
        return this.#syncing;
      });
    return this.#nextSync;
  }

  async #syncOnce(): Promise<void> {
    this.#flushNow();
    if (this.#file === undefined) this.#startFile();
    const file = this.#file;
    if (file === undefined) return;
    if (this.#written > 0) {
      const [point, count] = [this.#tip, this.#written];
      const failure = await this.#syncFile(file);
      if (this.#file !== file) {
        // Given up meanwhile: all that it may lack is durable in another, or nowhere.
        if (this.#file === undefined) throw unavailable('the log could not be written');
        return;
      }
      if (failure !== undefined) {
        this.#parts.log.warn({ reason: messageOf(failure) }, 'the audit log could not be synced; trying another file');
        this.#startFile();
        return;
      }
      this.#settle(point, count);
    }
    if (this.#tip.offset >= this.#limits.fileBytesMax || this.#fileDay !== this.#now().slice(0, 10)) this.#startFile();
  }

  async #syncFile(file: LogFile): Promise<unknown> {
    this.#inSync = file;
    try {
      await file.sync();
      return undefined;
    } catch (error) {
      return error;
    } finally {
      this.#inSync = undefined;
      if (this.#file !== file) file.close();
    }
  }

  /** The first `count` contents are durable, and `point` is the last of them. */
  #settle(point: Point, count: number): void {
    try {
      this.#head?.write({ ...point, closed: false });
    } catch (error) {
      this.#drop(error);
      throw unavailable(messageOf(error), error);
    }
    for (const content of this.#contents.splice(0, count)) this.#contentsCharacters -= content.length;
    this.#written -= count;
    this.#durable = point;
  }

  /**
   * Begins a file with everything that follows the durable point, and makes it durable. Blocks, since nothing may be
   * appended meanwhile; that is once for each file, and for each failure.
   * @throws {SystemError} code `AUDIT_UNAVAILABLE`.
   */
  #startFile(): void {
    if (this.#closed) throw unavailable('the log is closed');
    const { files, directory, key, log } = this.#parts;
    const number = this.#lastFile + 1;
    const previous = this.#durable.seq === 0 ? null : this.#durable;
    const header: AuditEvent = { kind: 'file', version: 1, log: key.logId, file: number, previous };
    const time = this.#now();
    const contents = [contentOf({ time, ...header }), ...this.#contents];
    const missed = this.#missed;
    if (missed !== undefined) {
      const gap: AuditEvent = { kind: 'gap', from: isoMs(missed.fromMs), count: missed.count, reason: missed.reason };
      contents.push(contentOf({ time, ...gap }));
    }
    const { bytes, link } = encodeLines(key.macKey, this.#durable, contents);
    const tip = { ...link, file: number, offset: bytes.length };
    let file: LogFile | undefined;
    try {
      const unfinished = path.join(directory, UNFINISHED_FILE);
      file = files.create(unfinished);
      file.write(bytes, 0);
      file.syncNow();
      // Before there is a file there is a head, so that files without a head are always somebody's work.
      this.#head ??= this.#openHead();
      files.rename(unfinished, path.join(directory, fileName(number)));
      this.#lastFile = number;
      files.syncDirectory(directory);
      this.#head.write({ ...tip, closed: false });
      this.#head.syncNow();
    } catch (error) {
      file?.close();
      this.#drop(error);
      throw unavailable(messageOf(error), error);
    }
    if (missed !== undefined) log.warn({ file: number, missed: missed.count }, 'audit records are written again');
    this.#useFile(file);
    this.#fileDay = time.slice(0, 10);
    this.#tip = tip;
    this.#durable = tip;
    this.#contents = [];
    this.#contentsCharacters = 0;
    this.#written = 0;
    this.#missed = undefined;
  }

  /** No file takes records any more: those that are in none are dropped, and whoever waits for them is told. */
  #drop(error: unknown): void {
    const { directory, log } = this.#parts;
    const reason = messageOf(error);
    if (this.#missed === undefined)
      log.error({ directory, reason }, 'no audit record can be written: changes and uses of keys are refused');
    const dropped = this.#contents.splice(this.#written);
    for (const content of dropped) this.#contentsCharacters -= content.length;
    this.#drops += 1;
    this.#miss(dropped.length, reason);
    this.#useFile(undefined);
  }

  #miss(count: number, reason: string): void {
    this.#missed ??= { fromMs: this.#parts.clock.nowMs(), count: 0, reason };
    this.#missed.count += count;
  }

  /** A descriptor is closed when no sync uses it: its number may then belong to another file. */
  #useFile(file: LogFile | undefined): void {
    const old = this.#file;
    this.#file = file;
    if (old !== undefined && old !== this.#inSync) old.close();
  }

  #now(): string {
    return isoMs(this.#parts.clock.nowMs());
  }
}

const isoMs = (ms: number): string => new Date(ms).toISOString();

/** The day of the first record, or nothing. */
function dayOfFile(files: LogFiles, name: string): string {
  const start = Buffer.from(files.read(name, 0, 256) ?? []).toString('latin1');
  return /"time":"(\d{4}-\d{2}-\d{2})T/.exec(start)?.[1] ?? '';
}

function unavailable(reason: string, cause?: unknown): SystemError {
  return new SystemError(
    'unavailable',
    'AUDIT_UNAVAILABLE',
    `No audit record can be written (${reason}), so nothing is changed and no key is used.`,
    { cause },
  );
}
