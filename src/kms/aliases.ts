import type { Clock } from '../base/clock.ts';
import { isKind } from '../base/errors.ts';
import { deleteAlias, findAlias, insertAlias, listAliases, updateAlias } from '../metadata/aliases.ts';
import type { Alias } from '../metadata/aliases.ts';
import type { Database } from '../metadata/database.ts';
import type { Reader } from '../metadata/reader.ts';
import type { Keys } from './keys.ts';
import { kmsRefusal, requireState } from './refusals.ts';
import type { Scope } from './scope.ts';

/** Of one account in a region. Source: facts.md 2.9. */
export const ALIASES_MAX = 300;

/** Source: facts.md 2.9. */
const ALIAS_NAME = /^alias\/[A-Za-z0-9_/-]{1,255}$/;
/** Names of service keys. Source: facts.md 2.1. */
const RESERVED_PREFIX = 'alias/acs';

export type AliasNameVerdict = 'ok' | 'malformed' | 'reserved';

export function judgeAliasName(name: string): AliasNameVerdict {
  if (!ALIAS_NAME.test(name)) return 'malformed';
  return name.startsWith(RESERVED_PREFIX) ? 'reserved' : 'ok';
}

/** Second names of keys, unique in an account and region. */
export class Aliases {
  readonly #database: Database;
  readonly #keys: Keys;
  readonly #clock: Clock;

  constructor(database: Database, keys: Keys, clock: Clock) {
    this.#database = database;
    this.#keys = keys;
    this.#clock = clock;
  }

  /** @throws {SystemError} codes `ALIAS_EXISTS`, `LIMIT_EXCEEDED`, and those of finding the key in a fit state. */
  async create(scope: Scope, aliasName: string, keyReference: string): Promise<void> {
    const key = await this.#keys.findFor('CreateAlias', scope, keyReference, { alias: 'refused' });
    const { accountId, regionId } = scope;
    try {
      await this.#database.transact(async (transaction) => {
        if ((await listAliases(transaction, scope, { offset: 0, limit: 1 })).totalCount >= ALIASES_MAX)
          throw kmsRefusal('LIMIT_EXCEEDED', `The account has ${ALIASES_MAX} aliases in this region.`);
        await insertAlias(transaction, {
          accountId,
          regionId,
          aliasName,
          keyId: key.keyId,
          createdMs: this.#clock.nowMs(),
        });
      });
    } catch (error) {
      if (!isKind(error, 'conflict') || error.code !== 'ROW_EXISTS') throw error;
      throw kmsRefusal('ALIAS_EXISTS', `The alias ${aliasName} is taken in this region.`, { cause: error });
    }
  }

  /**
   * Makes an alias lead to another key. Only that key's state counts (facts.md 2.4).
   * @throws {SystemError} codes `ALIAS_NOT_FOUND`, `SERVICE_KEY_FIXED`, and those of finding the key in a fit state.
   */
  async update(scope: Scope, aliasName: string, keyReference: string): Promise<void> {
    await this.#database.transact(async (transaction) => {
      const alias = await this.#own(transaction, scope, aliasName);
      const key = await this.#keys.findIn(transaction, scope, keyReference, { alias: 'refused' });
      requireState('UpdateAlias', key);
      const { accountId, regionId } = alias;
      await updateAlias(transaction, { accountId, regionId, aliasName }, { keyId: key.keyId });
    });
  }

  /** Whatever the state of its key. @throws {SystemError} codes `ALIAS_NOT_FOUND`, `SERVICE_KEY_FIXED`. */
  async delete(scope: Scope, aliasName: string): Promise<void> {
    await this.#database.transact(async (transaction) => {
      await deleteAlias(transaction, await this.#own(transaction, scope, aliasName));
    });
  }

  /** Of all keys, or of one. */
  list(scope: Scope, page: { readonly offset: number; readonly limit: number }, keyId?: string) {
    return listAliases(this.#database.read, scope, page, keyId);
  }

  async #own(reader: Reader, { accountId, regionId }: Scope, aliasName: string): Promise<Alias> {
    const alias = await findAlias(reader, accountId, regionId, aliasName);
    if (alias === undefined) throw kmsRefusal('ALIAS_NOT_FOUND', 'There is no such alias in this region.');
    // Source: decisions.md B10.
    if (judgeAliasName(aliasName) === 'reserved')
      throw kmsRefusal('SERVICE_KEY_FIXED', 'The alias of the service key stays as it is.');
    return alias;
  }
}
