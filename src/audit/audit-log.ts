// The audit log of a data directory: what is recorded, when, and how durably. START HERE.
import { AsyncLocalStorage } from 'node:async_hooks';
import path from 'node:path';

import type { AuditedCall, CallOutcome } from '../api/audited-call.ts';
import type { Clock } from '../base/clock.ts';
import { SystemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { VERSION } from '../base/version.ts';
import type { Database } from '../metadata/database.ts';
import type { Sealer } from '../metadata/sealer.ts';
import { findSetting, putSetting } from '../metadata/settings.ts';
import { formatAnchor } from './anchor.ts';
import type { Anchor } from './anchor.ts';
import { createAuditKey, readAuditKey } from './audit-key.ts';
import type { AuditKey } from './audit-key.ts';
import { auditDirectory } from './directory.ts';
import { fieldsOf } from './call-fields.ts';
import type { AuditEvent } from './events.ts';
import { AuditJournal } from './journal.ts';
import type { JournalLimits } from './journal.ts';
import { systemLogFiles } from './log-files.ts';
import type { LogFiles } from './log-files.ts';
import { idsOf } from './parameters.ts';
import { comesInAnyNumber, RefusalLimiter } from './refusal-limiter.ts';
import { pruneFiles } from './retention.ts';
import { verifyExport, verifyLog } from './verify.ts';
import type { Verification } from './verify.ts';

/** The setting that says which log belongs to a database. */
const LOG_OF_DATABASE = 'audit-log';
const MESSAGE_CHARACTERS_MAX = 512;

export interface AuditLogParts {
  readonly dataDirectory: string;
  readonly sealer: Sealer;
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Who opens it: `serve`, `fsck`, … */
  readonly program: string;
  /** Only tests pass these. */
  readonly files?: LogFiles;
  readonly limits?: Partial<JournalLimits>;
}

/** A use of a key by Sealdisk itself. The same shape as in src/kms/data-keys.ts. */
export type SystemKeyUse = Omit<Extract<AuditEvent, { kind: 'key' }>, 'kind' | 'requestId'>;

export class AuditLog implements AsyncDisposable {
  readonly #parts: AuditLogParts;
  readonly #files: LogFiles;
  readonly #directory: string;
  readonly #key: AuditKey;
  readonly #journal: AuditJournal;
  readonly #refusals: RefusalLimiter;
  readonly #ticking: Disposable;
  readonly #request = new AsyncLocalStorage<() => string>();

  private constructor(parts: AuditLogParts, files: LogFiles, directory: string, key: AuditKey) {
    const { clock, log, limits = {} } = parts;
    this.#parts = parts;
    this.#files = files;
    this.#directory = directory;
    this.#key = key;
    this.#journal = AuditJournal.open({ files, directory, key, clock, log, limits });
    this.#refusals = new RefusalLimiter(clock);
    this.#ticking = clock.every(1_000, () => {
      const counted = this.#refusals.due('when over');
      if (counted !== undefined) void this.#journal.write(counted);
    });
  }

  /**
   * Opens the log in `DIR/audit`, making it when there is none yet.
   * @throws {SystemError} kind `corrupt`, code `AUDIT_KEY_DAMAGED`.
   */
  static async open(parts: AuditLogParts): Promise<AuditLog> {
    const { dataDirectory, sealer, database, random, log, program, files = systemLogFiles } = parts;
    const directory = auditDirectory(dataDirectory);
    files.makeDirectory(directory);
    const expected = await findSetting(database.read, LOG_OF_DATABASE);
    const existing = readAuditKey(files, directory, sealer);
    const key = existing ?? createAuditKey(files, directory, sealer, random);
    const audit = new AuditLog(parts, files, directory, key);
    const start: AuditEvent = { kind: 'start', program, version: VERSION, pid: process.pid };
    await audit.#journal.commit(start).catch(() => undefined);
    if (expected === key.logId) return audit;
    if (expected !== undefined) {
      log.error({ directory, expected, found: key.logId }, 'the audit log that belongs here is missing');
      const reason = `the log ${expected}, which this database belongs to, was missing`;
      await audit.#journal.commit({ kind: 'break', reason }).catch(() => undefined);
    }
    await database.transact((transaction) => putSetting(transaction, LOG_OF_DATABASE, key.logId));
    return audit;
  }

  /** Runs `body` so that the uses of keys in it name the request. */
  during<T>(requestId: () => string, body: () => Promise<T>): Promise<T> {
    return this.#request.run(requestId, body);
  }

  /**
   * Before an action runs. A call that changes something is on record, durably, when this resolves; one that uses a key
   * is refused while nothing can be recorded.
   * @throws {SystemError} kind `unavailable`, code `AUDIT_UNAVAILABLE`.
   */
  async begin(call: AuditedCall): Promise<void> {
    if (call.class === 'read') return;
    if (call.class === 'key-use') await this.#journal.ready();
    else await this.#journal.commit({ kind: 'begin', ...fieldsOf(call) });
  }

  /**
   * Before the answer leaves. The outcome of what changed something or used a key is durable when this resolves, that of
   * everything else is written.
   * @param hasBegun `begin` was called, so that the action may have run.
   * @throws {SystemError} kind `unavailable`, code `AUDIT_UNAVAILABLE`: such an outcome is not, and must not be answered.
   */
  async end(call: AuditedCall, outcome: CallOutcome, hasBegun: boolean): Promise<void> {
    const { status, code, message, body } = outcome;
    const isUnbounded = call.account === undefined || comesInAnyNumber(code);
    if (isUnbounded && !this.#refusals.admit(code, call.sourceIp)) return;
    const event: AuditEvent = {
      kind: 'call',
      ...fieldsOf(call),
      status,
      code,
      message: message?.slice(0, MESSAGE_CHARACTERS_MAX),
      result: body === undefined || call.class === 'read' ? undefined : idsOf(body),
    };
    const mustBeDurable = hasBegun && (call.class === 'mutation' || (call.class === 'key-use' && body !== undefined));
    await (mustBeDurable ? this.#journal.commit(event) : this.#journal.write(event));
  }

  /**
   * Before Sealdisk itself uses a key: durable when it resolves.
   * @throws {SystemError} kind `unavailable`, code `AUDIT_UNAVAILABLE`: the key must not be used.
   */
  async recordKeyUse(use: SystemKeyUse): Promise<void> {
    await this.#journal.commit({ kind: 'key', requestId: this.#request.getStore()?.(), ...use });
  }

  /**
   * What Sealdisk did by itself because its time had come.
   * @throws {SystemError} kind `unavailable`, code `AUDIT_UNAVAILABLE`: it is done and not on record.
   */
  async recordAct(action: string, details: object): Promise<void> {
    await this.#journal.commit({ kind: 'system', action, details });
  }

  /**
   * Runs what the owner of the data directory asked for, on record before and after it.
   * @param details nothing secret.
   * @throws {SystemError} kind `unavailable`, code `AUDIT_UNAVAILABLE`: nothing was done, or its end is not on record.
   */
  async administer<T>(operation: string, details: object, body: () => Promise<T>): Promise<T> {
    const event = { kind: 'admin', operation, details } as const;
    await this.#journal.commit({ ...event, outcome: 'begun' });
    let answer: T;
    try {
      answer = await body();
    } catch (error) {
      const code = error instanceof SystemError ? error.code : 'INTERNAL';
      await this.#journal.commit({ ...event, outcome: 'failed', code });
      throw error;
    }
    await this.#journal.commit({ ...event, outcome: 'done' });
    return answer;
  }

  /** The end of the log, durable, to be kept elsewhere. */
  async anchor(): Promise<string> {
    await this.#journal.synced();
    return formatAnchor({ logId: this.#key.logId, ...this.#journal.durable });
  }

  /** @param file an exported file instead of the log itself. */
  async verify(anchors: readonly Anchor[], file?: string): Promise<Verification> {
    const [files, directory, key] = [this.#files, this.#directory, this.#key];
    if (file !== undefined)
      return { logId: key.logId, files: 1, ...(await verifyExport(files, path.resolve(file), key, anchors)) };
    return verifyLog({ files, directory, key, anchors, upTo: await this.#journal.flushed() });
  }

  /** Removes files whose last record is older than `beforeMs`; the log says so. */
  prune(beforeMs: number): Promise<number> {
    return pruneFiles(this.#files, this.#directory, this.#key, beforeMs, (event) => this.#journal.commit(event));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ticking[Symbol.dispose]();
    const counted = this.#refusals.due('now');
    if (counted !== undefined) await this.#journal.write(counted);
    await this.#journal.close({ kind: 'stop', program: this.#parts.program, pid: process.pid });
    this.#key[Symbol.dispose]();
  }
}

/** Verifies the log of a data directory that no server has open. @throws {SystemError} code `AUDIT_MISSING`. */
export async function verifyClosedLog(
  dataDirectory: string,
  sealer: Sealer,
  anchors: readonly Anchor[],
  file?: string,
): Promise<Verification> {
  using key = closedKey(dataDirectory, sealer);
  const directory = auditDirectory(dataDirectory);
  if (file !== undefined)
    return { logId: key.logId, files: 1, ...(await verifyExport(systemLogFiles, path.resolve(file), key, anchors)) };
  // Awaited, since the key is wiped when this function ends.
  return await verifyLog({ files: systemLogFiles, directory, key, anchors });
}

/** The end of a log that no server has open. @throws {SystemError} codes `AUDIT_MISSING`, `AUDIT_DAMAGED`. */
export async function anchorOfClosedLog(dataDirectory: string, sealer: Sealer): Promise<string> {
  using key = closedKey(dataDirectory, sealer);
  const { last, findings } = await verifyLog({
    files: systemLogFiles,
    directory: auditDirectory(dataDirectory),
    key,
    anchors: [],
  });
  if (last === undefined || findings.length > 0)
    throw new SystemError(
      'corrupt',
      'AUDIT_DAMAGED',
      `The audit log is not whole, so its end is worth nothing as an anchor; see sealdisk audit verify.`,
    );
  return formatAnchor({ logId: key.logId, ...last });
}

function closedKey(dataDirectory: string, sealer: Sealer): AuditKey {
  const directory = auditDirectory(dataDirectory);
  const key = readAuditKey(systemLogFiles, directory, sealer);
  if (key !== undefined) return key;
  throw new SystemError(
    'not-found',
    'AUDIT_MISSING',
    `There is no key in ${directory}, so no log that could be verified.`,
  );
}
