import type { Database } from '../metadata/database.ts';
import { updateKey } from '../metadata/keys.ts';
import type { Key } from '../metadata/keys.ts';
import type { Tag } from '../metadata/tags.ts';
import { KEYS_MAX } from './keys.ts';
import type { Keys } from './keys.ts';
import { kmsRefusal, requireState } from './refusals.ts';
import type { KeyReading } from './key-states.ts';
import type { Scope } from './scope.ts';

/** Those that the products set do not count. Source: facts.md 2.9. */
export const KEY_TAGS_MAX = 20;

/** Tags that the products set themselves, such as `acs:ecs:disk-encryption`. Source: facts.md 1.9 and 9. */
export function isReservedTag(key: string): boolean {
  return /^(aliyun|acs:)/i.test(key);
}

/** What an account writes on its keys. All keys of a call are changed, or none. */
export class KeyTags {
  readonly #database: Database;
  readonly #keys: Keys;

  constructor(database: Database, keys: Keys) {
    this.#database = database;
    this.#keys = keys;
  }

  /** A tag that is there already gets the new value. @throws {SystemError} code `LIMIT_EXCEEDED`, those of finding a key. */
  set(operation: KeyReading, scope: Scope, references: readonly string[], tags: readonly Tag[]): Promise<void> {
    const names = new Set(tags.map(({ key }) => key));
    return this.#edit(operation, scope, references, (key) => {
      const next = [...key.tags.filter((tag) => !names.has(tag.key)), ...tags];
      if (next.filter((tag) => !isReservedTag(tag.key)).length > KEY_TAGS_MAX)
        throw kmsRefusal('LIMIT_EXCEEDED', `Key ${key.keyId} would have more than ${KEY_TAGS_MAX} tags.`);
      return next;
    });
  }

  /** @param names all tags of the account when undefined; a tag that is not there is fine. */
  remove(
    operation: KeyReading,
    scope: Scope,
    references: readonly string[],
    names: readonly string[] | undefined,
  ): Promise<void> {
    return this.#edit(operation, scope, references, ({ tags }) =>
      tags.filter(({ key }) => (names === undefined ? isReservedTag(key) : !names.includes(key))),
    );
  }

  /** The keys that `references` name, or every key of the account in the region; oldest first. */
  async keysOf(scope: Scope, references: readonly string[] | undefined): Promise<readonly Key[]> {
    // The keys that an account may have, and the service key: no page is needed.
    const { keys } = await this.#keys.list(scope, { offset: 0, limit: KEYS_MAX + 1 });
    if (references === undefined) return keys;
    const named = new Set<string>();
    for (const reference of references)
      named.add((await this.#keys.findFor('ListTagResources', scope, reference, { alias: 'refused' })).keyId);
    return keys.filter(({ keyId }) => named.has(keyId));
  }

  async #edit(
    operation: KeyReading,
    scope: Scope,
    references: readonly string[],
    edit: (key: Key) => readonly Tag[],
  ): Promise<void> {
    await this.#database.transact(async (transaction) => {
      for (const reference of references) {
        const key = await this.#keys.findIn(transaction, scope, reference, { alias: 'refused' });
        requireState(operation, key);
        await updateKey(transaction, key.keyId, { tags: edit(key) });
      }
    });
  }
}
