import type { Clock } from '../base/clock.ts';
import { isKind } from '../base/errors.ts';
import { KeyedMutex } from '../base/mutex.ts';
import { findAlias, insertAlias } from '../metadata/aliases.ts';
import type { Database } from '../metadata/database.ts';
import { findKey, insertKey } from '../metadata/keys.ts';
import type { Key } from '../metadata/keys.ts';
import type { Keys } from './keys.ts';
import type { Scope } from './scope.ts';

/** Source: facts.md 2.1. */
export const SERVICE_KEY_ALIAS = 'alias/acs/ecs';

/** The key that disks use when their owner names none: one for each account and region, made when first needed. */
export class ServiceKeys {
  readonly #database: Database;
  readonly #keys: Keys;
  readonly #clock: Clock;
  readonly #making = new KeyedMutex();

  constructor(database: Database, keys: Keys, clock: Clock) {
    this.#database = database;
    this.#keys = keys;
    this.#clock = clock;
  }

  async find(scope: Scope): Promise<Key | undefined> {
    const alias = await findAlias(this.#database.read, scope.accountId, scope.regionId, SERVICE_KEY_ALIAS);
    return alias === undefined ? undefined : findKey(this.#database.read, alias.keyId);
  }

  /** The service key, made now if need be. The alias row decides: whoever inserts it second uses the first one's key. */
  obtain(scope: Scope): Promise<Key> {
    return this.#making.run(`${scope.accountId}/${scope.regionId}`, async () => {
      const existing = await this.find(scope);
      if (existing !== undefined) return existing;
      try {
        return await this.#create(scope);
      } catch (error) {
        if (!isKind(error, 'conflict') || error.code !== 'ROW_EXISTS') throw error;
        const winner = await this.find(scope);
        if (winner === undefined) throw error;
        return winner;
      }
    });
  }

  /** Metadata as decisions.md C7. */
  #create(scope: Scope): Promise<Key> {
    const key = {
      keySpec: 'Aliyun_AES_256',
      keyUsage: 'ENCRYPT/DECRYPT',
      description: '',
      creator: 'Ecs',
      creatorType: 'Service',
      tags: [],
    } as const;
    return this.#keys.createWith(scope, key, async (transaction, created) => {
      await insertKey(transaction, created);
      const { accountId, regionId } = scope;
      const createdMs = this.#clock.nowMs();
      await insertAlias(transaction, {
        accountId,
        regionId,
        aliasName: SERVICE_KEY_ALIAS,
        keyId: created.keyId,
        createdMs,
      });
    });
  }
}
