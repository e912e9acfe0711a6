import { readFile } from 'node:fs/promises';

import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { Mutex } from '../base/mutex.ts';
import { writeDurably } from '../kms/durable-file.ts';
import type { KeyStore } from '../kms/key-store.ts';
import type { Tombstones } from '../kms/tombstones.ts';
import type { Database } from '../metadata/database.ts';
import { countEarlierRows, refuseUnknownSealed, resealRows } from '../metadata/reseal-rows.ts';
import type { RollingSealer } from '../metadata/sealer.ts';
import type { RootOfTrust } from './root-of-trust.ts';

export interface ResealingParts {
  readonly trust: RootOfTrust;
  readonly store: KeyStore;
  readonly tombstones: Tombstones;
  readonly database: Database;
  /** Beside rows: what is sealed under the store key for `rows` in a file of its own. */
  readonly files: readonly LooseFile[];
  readonly log: Logger;
}

/** One sealed secret in one file. A missing file is fine. */
export interface LooseFile {
  readonly path: string;
  readonly context: string;
}

export interface ResealingProgress {
  /** `waiting`: something stopped it; it is tried again within a minute. */
  readonly state: 'done' | 'running' | 'waiting';
  readonly keyFiles: number;
  readonly rows: number;
  /** Why it waits. */
  readonly reason?: string;
}

/**
 * Seals everything anew that an earlier store key sealed, in the background, then forgets that key. It goes on after any
 * interruption: what is left to do follows from the store keys that the keyring still has.
 */
export class Resealing {
  readonly #parts: ResealingParts;
  readonly #turn = new Mutex();
  #progress: ResealingProgress = { state: 'done', keyFiles: 0, rows: 0 };

  constructor(parts: ResealingParts) {
    this.#parts = parts;
  }

  get progress(): ResealingProgress {
    return this.#progress;
  }

  /** Also drops, from memory, the keys that an earlier run forgot. Never throws: what failed is in `progress`. */
  run(): Promise<void> {
    return this.#turn.run(async () => {
      const { trust, log } = this.#parts;
      trust.keyring.dropForgotten();
      if (!isEarlier(trust, 'keys') && !isEarlier(trust, 'rows')) return;
      this.#progress = { state: 'running', keyFiles: 0, rows: 0 };
      const failures: string[] = [];
      for (const part of [() => this.#keyFiles(), () => this.#rows()])
        await part().catch((error: unknown) => failures.push(messageOf(error)));
      const [reason] = failures;
      if (reason === undefined) {
        this.#progress = { ...this.#progress, state: 'done' };
        return;
      }
      this.#progress = { ...this.#progress, state: 'waiting', reason };
      log.error({ reason }, 'not everything could be sealed under the new store keys; the earlier ones are kept');
    });
  }

  /** A rotation that begins meanwhile is the next run's business: only what is earlier than `current` is forgotten. */
  async #keyFiles(): Promise<void> {
    const { trust, store, tombstones } = this.#parts;
    if (!isEarlier(trust, 'keys')) return;
    const current = trust.keyring.newestOf('keys');
    const { prefix } = trust.keyring.sealer('keys');
    await store.resealEarlier(prefix, (keyFiles) => (this.#progress = { ...this.#progress, keyFiles }));
    await tombstones.resealAll();
    if (!(await store.whenNoneIsEarlier(prefix, () => trust.forgetEarlier('keys', current))))
      throw new Error('a key file is still under an earlier store key');
  }

  async #rows(): Promise<void> {
    const { trust, database, files } = this.#parts;
    if (!isEarlier(trust, 'rows')) return;
    const current = trust.keyring.newestOf('rows');
    const sealer = trust.keyring.sealer('rows');
    for (const file of files) await resealFile(sealer, file);
    const { altered } = await resealRows(database, sealer, (rows) => (this.#progress = { ...this.#progress, rows }));
    if (altered.length > 0)
      throw new Error(`${altered.length} rows were changed by something other than Sealdisk, first ${altered[0]}`);
    // In one transaction: nothing is written between the last look and the moment from which on nothing earlier is taken.
    await database.transact(async (transaction) => {
      if ((await countEarlierRows(transaction, sealer)) > 0)
        throw new Error('rows were written under an earlier store key');
      await refuseUnknownSealed(transaction, trust.keyring.prefixesBefore('rows', current));
      await trust.forgetEarlier('rows', current);
    });
    await database.scrub();
  }
}

async function resealFile(sealer: RollingSealer, { path, context }: LooseFile): Promise<void> {
  let sealed: Uint8Array;
  try {
    sealed = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (Buffer.compare(sealed.subarray(0, sealer.prefix.length), sealer.prefix) >= 0) return;
  const secret = sealer.open(context, sealed);
  try {
    await writeDurably(path, sealer.seal(context, secret), { replace: true });
  } finally {
    secret.fill(0);
  }
}

const isEarlier = (trust: RootOfTrust, purpose: 'rows' | 'keys'): boolean =>
  trust.keyring.numbersOf(purpose).length > 1;
