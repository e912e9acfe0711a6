import type { Reader, Transaction } from './reader.ts';

/** What a mutation answered, so that the same call again does nothing and answers the same. Not sealed: it decides nothing. */
export interface ClientToken {
  readonly accountId: string;
  /** `ecs:CreateDisk` */
  readonly action: string;
  readonly clientToken: string;
  /** Digest of the parameters: the same token with others is refused. */
  readonly fingerprint: string;
  /** The JSON body that was answered; null while the first call runs. */
  readonly response: string | null;
  readonly createdMs: number;
  readonly expiresMs: number;
}

export type ClientTokenKey = Pick<ClientToken, 'accountId' | 'action' | 'clientToken'>;

/** Undefined also when it has expired at `nowMs`. */
export async function findClientToken(
  reader: Reader,
  key: ClientTokenKey,
  nowMs: number,
): Promise<ClientToken | undefined> {
  const row = await reader.queries
    .selectFrom('clientTokens')
    .selectAll()
    .where('accountId', '=', key.accountId)
    .where('action', '=', key.action)
    .where('clientToken', '=', key.clientToken)
    .where('expiresMs', '>', nowMs)
    .executeTakeFirst();
  return row as unknown as ClientToken | undefined;
}

/** Remembers a call, replacing what an expired token of the same name left. Call `findClientToken` in the same transaction. */
export async function putClientToken(transaction: Transaction, token: ClientToken): Promise<void> {
  await deleteClientToken(transaction, token);
  await transaction.queries
    .insertInto('clientTokens')
    .values({ ...token })
    .execute();
}

export async function deleteClientToken(transaction: Transaction, key: ClientTokenKey): Promise<void> {
  await transaction.queries
    .deleteFrom('clientTokens')
    .where('accountId', '=', key.accountId)
    .where('action', '=', key.action)
    .where('clientToken', '=', key.clientToken)
    .execute();
}

export async function deleteExpiredClientTokens(transaction: Transaction, nowMs: number): Promise<void> {
  await transaction.queries.deleteFrom('clientTokens').where('expiresMs', '<=', nowMs).execute();
}
