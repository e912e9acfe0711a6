import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { putAccessKeyUse } from '../metadata/access-key-uses.ts';
import { findAccessKey } from '../metadata/access-keys.ts';
import type { Database } from '../metadata/database.ts';

/** A use is written at most this often for each AccessKey, so that it costs the requests nothing. */
const INTERVAL_MS = 60_000;
/** More AccessKeys than that in use at once are written more often. */
const REMEMBERED_MAX = 10_000;

/** Notes when AccessKeys are used: the front door's `AccessKeyUses` (src/rpc/ports.ts). Written behind the request. */
export class AccessKeyUses {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #notedMs = new Map<string, number>();
  #written: Promise<void> = Promise.resolve();

  constructor(parts: { readonly database: Database; readonly clock: Clock; readonly log: Logger }) {
    this.#database = parts.database;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  /** The AccessKey has signed a request that was accepted. Temporary ones have no row to note it for. */
  note(accessKeyId: string): void {
    const nowMs = this.#clock.nowMs();
    const notedMs = this.#notedMs.get(accessKeyId);
    // A clock that was set back does not keep uses from being written.
    if (notedMs !== undefined && nowMs >= notedMs && nowMs < notedMs + INTERVAL_MS) return;
    if (accessKeyId.startsWith('STS.')) return;
    if (this.#notedMs.size >= REMEMBERED_MAX) this.#notedMs.clear();
    this.#notedMs.set(accessKeyId, nowMs);
    this.#written = this.#write(accessKeyId, nowMs).catch((error: unknown) => {
      this.#log.error({ reason: messageOf(error) }, 'the use of an AccessKey could not be written');
    });
  }

  /** Settles when everything noted so far is written. */
  settled(): Promise<void> {
    return this.#written;
  }

  #write(accessKeyId: string, usedMs: number): Promise<void> {
    return this.#database.transact(async (transaction) => {
      if ((await findAccessKey(transaction, accessKeyId)) === undefined) return;
      await putAccessKeyUse(transaction, { accessKeyId, usedMs });
    });
  }
}
