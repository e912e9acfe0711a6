import type { Random } from '../base/random.ts';
import type { Database } from '../metadata/database.ts';
import type { Sealer } from '../metadata/sealer.ts';
import { findTokenKey, insertTokenKey } from '../metadata/token-keys.ts';

const PURPOSE = 'security-token';
/** What the token key is sealed for. */
const CONTEXT = 'token-key';

/**
 * The key that seals security tokens: 32 random bytes, made at the first start, kept sealed under the root key. It is not
 * derived from the root key, so that sessions outlive a change of the root key.
 * @returns bytes that the caller wipes.
 * @throws {SystemError} kind `corrupt`: the stored key was changed.
 */
export async function openTokenKey(database: Database, sealer: Sealer, random: Random): Promise<Uint8Array> {
  return await database.transact(async (transaction) => {
    const stored = await findTokenKey(transaction, PURPOSE);
    if (stored !== undefined) return sealer.open(CONTEXT, stored);
    const key = random.bytes(32);
    await insertTokenKey(transaction, PURPOSE, sealer.seal(CONTEXT, key));
    return key;
  });
}
