import type { Database } from './database.ts';
import type { Reader, Transaction } from './reader.ts';

/** What became of a ClientToken when it was claimed. */
export type ClaimResult =
  | { readonly state: 'claimed' }
  | { readonly state: 'running'; readonly fingerprint: string }
  | { readonly state: 'answered'; readonly fingerprint: string; readonly answer: string };

export interface Claim {
  /** Digest of the parameters, to tell a repetition from a misuse. */
  readonly fingerprint: string;
  /** One for each start of the server. */
  readonly owner: string;
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

/**
 * Which ClientTokens were used, across restarts: what the front door's `ClientTokenStore` (src/rpc/ports.ts) asks for.
 * Not sealed: a token decides nothing but which answer is repeated to the account that sent it.
 */
export class ClientTokens {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Takes `key` for one run, durably. Also takes over what has expired, or what a dead server (another owner) left running. */
  claim(key: string, claim: Claim): Promise<ClaimResult> {
    return this.#database.transact(async (transaction) => {
      await transaction.queries.deleteFrom('clientTokens').where('expiresMs', '<=', claim.nowMs).execute();
      const found = await findClaim(transaction, key);
      if (found?.answer !== undefined && found.answer !== null) {
        return { state: 'answered', fingerprint: found.fingerprint, answer: found.answer };
      }
      if (found !== undefined && found.owner === claim.owner) {
        return { state: 'running', fingerprint: found.fingerprint };
      }
      await transaction.queries.deleteFrom('clientTokens').where('key', '=', key).execute();
      const { fingerprint, owner, expiresAtMs: expiresMs } = claim;
      await transaction.queries
        .insertInto('clientTokens')
        .values({ key, fingerprint, owner, answer: null, expiresMs })
        .execute();
      return { state: 'claimed' };
    });
  }

  /** Stores the answer of a claimed key. The first answer stays. */
  answer(key: string, answer: string): Promise<void> {
    return this.#database.transact((transaction) => answerClientToken(transaction, key, answer));
  }

  /** Forgets a claim, unless it has an answer. */
  release(key: string): Promise<void> {
    return this.#database.transact(async (transaction) => {
      await transaction.queries.deleteFrom('clientTokens').where('key', '=', key).where('answer', 'is', null).execute();
    });
  }
}

/** For the transaction that creates what the answer names: then a crash leaves either both or neither. */
export async function answerClientToken(transaction: Transaction, key: string, answer: string): Promise<void> {
  await transaction.queries
    .updateTable('clientTokens')
    .set({ answer })
    .where('key', '=', key)
    .where('answer', 'is', null)
    .execute();
}

interface FoundClaim {
  readonly fingerprint: string;
  readonly owner: string;
  readonly answer: string | null;
}

async function findClaim(reader: Reader, key: string): Promise<FoundClaim | undefined> {
  const row = await reader.queries.selectFrom('clientTokens').selectAll().where('key', '=', key).executeTakeFirst();
  return row as unknown as FoundClaim | undefined;
}
