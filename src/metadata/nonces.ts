import type { Transaction } from './reader.ts';

export interface Nonce {
  readonly accessKeyId: string;
  readonly nonce: string;
  /** When a request with this nonce would be refused for its timestamp anyway. */
  readonly expiresMs: number;
}

/** Answers false when the AccessKey used this nonce before and it has not expired. */
export async function rememberNonce(transaction: Transaction, nonce: Nonce, nowMs: number): Promise<boolean> {
  await transaction.queries.deleteFrom('nonces').where('expiresMs', '<=', nowMs).execute();
  const result = await transaction.queries
    .insertInto('nonces')
    .values({ ...nonce })
    .onConflict((conflict) => conflict.columns(['accessKeyId', 'nonce']).doNothing())
    .executeTakeFirst();
  return Number(result.numInsertedOrUpdatedRows) === 1;
}
