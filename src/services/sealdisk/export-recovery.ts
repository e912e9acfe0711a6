import { isKind, messageOf } from '../../base/errors.ts';
import type { KeyedMutex } from '../../base/mutex.ts';
import type { ExportInfo } from '../../dataplane/data-plane.ts';
import type { ExportState } from '../../metadata/exports.ts';
import type { ExportParts } from './dependencies.ts';
import { NEVER_OPENED, takeBackExport } from './export-opening.ts';
import { reopenExport, stateAfter } from './export-reopening.ts';
import { findExportRow, knownExports, updateExportRow, type ExportRow, type KnownExport } from './export-rows.ts';
import { RetrySchedule } from './retry-schedule.ts';

/** Exports that are brought back at the same time. */
const CONCURRENCY = 4;
/** An export during whose opening the disk server was lost this often is left alone for a while. */
const STRIKES_MAX = 3;

/**
 * Brings exports back after the disk server, the control plane or the machine was restarted.
 *
 * 1. Same boot of the machine: same id, name, socket and secret.
 * 2. Another boot, and the disk was not closed in order: a new identity, because acknowledged writes may be gone.
 * 3. The key cannot be used: KeyUnavailable, tried again until it can.
 * 4. The disk is refused: Quarantined, tried again ever more rarely. No disk makes another one wait for ever.
 *
 * Source: decisions.md H, "Exports across restarts", "Disk server dies while a disk's key is disabled", "One damaged disk".
 */
export class ExportRecovery {
  readonly #parts: ExportParts;
  readonly #turns: KeyedMutex;
  readonly #schedule: RetrySchedule;
  #running: Promise<void> = Promise.resolve();
  /** The disk server was lost before everything was looked at. */
  #unfinished = false;
  /** Rounds that run or wait to run. */
  #rounds = 0;

  constructor(parts: ExportParts, turns: KeyedMutex) {
    this.#parts = parts;
    this.#turns = turns;
    this.#schedule = new RetrySchedule(parts.clock);
  }

  forget(exportId: string): void {
    this.#schedule.forget(exportId);
  }

  /** For an export of which only the disk server knows whether it opened or closed it, once that answers again. */
  settleLater(exportId: string): void {
    this.#schedule.later(exportId, 'Reopening');
  }

  /** @throws {SystemError} kind `unavailable`: the disk server is gone again; `retryDue` goes on when it is back. */
  reopenAll(): Promise<void> {
    return this.#afterOthers(async () => {
      this.#unfinished = true;
      const served = await this.#served();
      const known = await this.#known();
      for (const info of served.values()) {
        if (!isImageWork(info.exportId) && !known.some(({ exportId }) => exportId === info.exportId))
          await this.#closeStray(info);
      }
      await this.#settleAll(known, served);
      this.#unfinished = false;
    });
  }

  /** Tries again what is due, unless something is being tried already. Never rejects. */
  retryDue(): Promise<void> {
    if (this.#rounds > 0) return this.#running;
    if (this.#unfinished) return this.reopenAll().catch(() => undefined);
    return this.#retry((exportId) => this.#schedule.isDue(exportId));
  }

  /** Tries again what waits for a key. Never rejects. */
  retryKeys(): Promise<void> {
    return this.#retry((exportId) => this.#schedule.reason(exportId) === 'KeyUnavailable');
  }

  #retry(wanted: (exportId: string) => boolean): Promise<void> {
    const round = async (): Promise<void> => {
      if (!this.#schedule.exportIds().some(wanted)) return;
      const known = (await this.#known()).filter(({ exportId }) => wanted(exportId));
      for (const exportId of this.#schedule.exportIds().filter(wanted)) {
        if (!known.some((row) => row.exportId === exportId)) this.#schedule.forget(exportId);
      }
      await this.#settleAll(known, await this.#served());
    };
    return this.#afterOthers(round).catch(() => undefined);
  }

  /** Runs one round at a time. */
  #afterOthers(round: () => Promise<void>): Promise<void> {
    this.#rounds += 1;
    const result = this.#running.then(round).finally(() => {
      this.#rounds -= 1;
    });
    this.#running = result.catch((error: unknown) => {
      this.#parts.log.warn({ reason: messageOf(error) }, 'exports could not be brought back yet');
    });
    return result;
  }

  async #served(): Promise<ReadonlyMap<string, ExportInfo>> {
    return new Map((await this.#parts.dataPlane.listExports()).map((info) => [info.exportId, info]));
  }

  #known(): Promise<readonly KnownExport[]> {
    return knownExports(this.#parts.database.read);
  }

  /**
   * Those that may have brought the disk server down come last, one by one, so that no other takes the blame. The round
   * ends when the disk server is lost; who was not reached is tried again soon.
   */
  async #settleAll(exports: readonly KnownExport[], served: ReadonlyMap<string, ExportInfo>): Promise<void> {
    const isSuspect = ({ exportId }: KnownExport): boolean => this.#schedule.strikes(exportId) > 0;
    const rest = exports.filter((known) => !isSuspect(known)).values();
    let lost = false;
    const worker = async (queue: Iterator<KnownExport>): Promise<void> => {
      for (let next = queue.next(); next.done !== true; next = queue.next()) {
        if (lost) this.#schedule.later(next.value.exportId, 'Reopening');
        else lost = (await this.#settle(next.value, served.get(next.value.exportId))) === 'lost' || lost;
      }
    };
    const suspects = exports.filter(isSuspect).values();
    await Promise.all(Array.from({ length: CONCURRENCY }, () => worker(rest)));
    await worker(suspects);
  }

  /** Never rejects: what goes wrong with one export stays with it. Answers `lost` when the disk server went away. */
  #settle({ exportId, diskId }: KnownExport, info: ExportInfo | undefined): Promise<'lost' | undefined> {
    const { database, log } = this.#parts;
    return this.#turns.run(diskId, async () => {
      try {
        const row = await findExportRow(database.read, exportId);
        if (row === undefined) this.#schedule.forget(exportId);
        else if (row.bootId === NEVER_OPENED) await this.#takeBack(row);
        else if (info !== undefined) await this.#record(row, info.status, info.reason);
        else return await this.#reopen(row);
      } catch (error) {
        this.#schedule.later(exportId, 'Quarantined');
        log.error({ exportId, diskId, reason: messageOf(error) }, 'an export could not be brought back');
      }
      return undefined;
    });
  }

  async #takeBack(row: ExportRow): Promise<void> {
    if (await takeBackExport(this.#parts, row)) this.#schedule.forget(row.exportId);
    else this.#schedule.later(row.exportId, 'Reopening');
  }

  async #reopen(row: ExportRow): Promise<'lost' | undefined> {
    const { database } = this.#parts;
    if (row.status === 'Serving') {
      await database.transact((transaction) => updateExportRow(transaction, row, { status: 'Reopening' }));
    }
    const strikes = this.#schedule.strikes(row.exportId);
    if (strikes >= STRIKES_MAX) {
      this.#schedule.pardon(row.exportId);
      await this.#record(row, 'Quarantined', `the disk server was lost ${strikes} times while it opened this disk`);
      return undefined;
    }
    let current = row;
    try {
      await reopenExport(this.#parts, row, (renamed) => {
        this.#schedule.forget(row.exportId);
        current = renamed;
      });
      await this.#record(current, 'Serving', undefined);
      return undefined;
    } catch (error) {
      const lost = isKind(error, 'unavailable');
      if (lost) this.#schedule.strike(current.exportId);
      await this.#record(current, stateAfter(error), messageOf(error));
      return lost ? 'lost' : undefined;
    }
  }

  async #record(row: ExportRow, status: ExportState, reason: string | undefined): Promise<void> {
    const { database, log, bootId } = this.#parts;
    const { exportId, diskId } = row;
    if (status === 'Serving') this.#schedule.forget(exportId);
    else this.#schedule.later(exportId, status);
    const changes = status === 'Serving' ? { status, bootId: bootId() } : { status };
    await database.transact(async (transaction) => {
      const current = await findExportRow(transaction, exportId);
      if (current !== undefined) await updateExportRow(transaction, current, changes);
    });
    if (status === 'Serving') log.info({ exportId, diskId }, 'export serves');
    else if (status !== row.status) log.warn({ exportId, diskId, status, reason }, 'export does not serve');
  }

  async #closeStray(info: ExportInfo): Promise<void> {
    const { dataPlane, log } = this.#parts;
    try {
      await dataPlane.closeExport(info.exportId, { force: false });
      log.warn({ exportId: info.exportId, diskId: info.diskId }, 'closed an export that nobody owns');
    } catch (error) {
      log.warn({ exportId: info.exportId, reason: messageOf(error) }, 'an export that nobody owns could not be closed');
    }
  }
}

/** Exports that images are read and written through, which are in no table (../ecs/images/image-file-work.ts). */
function isImageWork(exportId: string): boolean {
  return exportId.startsWith('m-');
}
