import type { Clock } from '../base/clock.ts';
import { randomUuid } from '../base/random.ts';
import type { Random } from '../base/random.ts';
import { findAlias } from '../metadata/aliases.ts';
import type { Database } from '../metadata/database.ts';
import { insertKeyVersion } from '../metadata/key-versions.ts';
import { findKey, insertKey, listKeys, updateKey } from '../metadata/keys.ts';
import type { Key, KeyFilter, KeySpec, KeyUsage } from '../metadata/keys.ts';
import type { Reader, Transaction } from '../metadata/reader.ts';
import type { Tag } from '../metadata/tags.ts';
import { storeFreshMaterial } from './fresh-material.ts';
import { parseKeyReference } from './key-reference.ts';
import { stateAt } from './key-states.ts';
import type { KeyOperation } from './key-states.ts';
import type { KeyStore } from './key-store.ts';
import { kmsRefusal, requireState } from './refusals.ts';
import { rotationPolicy } from './rotation-policy.ts';
import type { Scope } from './scope.ts';

/** Keys that an account makes itself, in a region; the service key does not count. Source: facts.md 2.9 and 1.11. */
export const KEYS_MAX = 200;
const DAY_MS = 24 * 60 * 60 * 1000;

export interface NewKey {
  readonly keySpec: KeySpec;
  readonly keyUsage: KeyUsage;
  /** `EXTERNAL`: the key has no material and waits for its owner to import some. Default `Aliyun_KMS`. */
  readonly origin?: Key['origin'] | undefined;
  readonly description: string;
  readonly creator: string;
  readonly creatorType: 'User' | 'Service';
  readonly tags: readonly Tag[];
  /** Rotate it this often; not at all when absent. */
  readonly rotationIntervalS?: number | undefined;
  /** JSON, checked by the caller; the default policy when absent. */
  readonly policy?: string | undefined;
}

/** What a reference may name depends on the operation. Source: facts.md 2.8. */
export interface ReferenceOptions {
  readonly alias: 'allowed' | 'refused';
  /** Whether an ARN may name a key of another account whose policy lets this one use it. Default `refused`. */
  readonly shared?: 'allowed' | 'refused';
}

/** Whether a key's policy allows anything to somebody in an account. Implementation: src/ram, passed in by main. */
export type IsSharedWith = (policy: string, accountId: string) => boolean;

/**
 * Keys from their making to the order to destroy them: found, switched, described, protected. States: key-states.ts;
 * versions: key-versions.ts; the end: key-destruction.ts.
 */
export class Keys {
  readonly #database: Database;
  readonly #store: KeyStore;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #isSharedWith: IsSharedWith;

  constructor(database: Database, store: KeyStore, clock: Clock, random: Random, isSharedWith: IsSharedWith) {
    this.#database = database;
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
    this.#isSharedWith = isSharedWith;
  }

  /** @throws {SystemError} code `LIMIT_EXCEEDED`. */
  create(scope: Scope, key: NewKey): Promise<Key> {
    return this.createWith(scope, key, async (transaction, created) => {
      const own = { ...scope, creatorTypes: ['User'] };
      if ((await listKeys(transaction, own, { offset: 0, limit: 1 })).totalCount >= KEYS_MAX)
        throw kmsRefusal('LIMIT_EXCEEDED', `The account has ${KEYS_MAX} keys in this region; delete some first.`);
      await insertKey(transaction, created);
    });
  }

  /**
   * Makes a key: the material first, durably, then its rows, in one transaction.
   * @param insert stores the key's own row, or throws; then the material is removed again.
   */
  async createWith(
    scope: Scope,
    key: NewKey,
    insert: (transaction: Transaction, created: Key) => Promise<void>,
  ): Promise<Key> {
    const createdMs = this.#clock.nowMs();
    const created = describeNewKey(scope, key, randomUuid(this.#random), randomUuid(this.#random), createdMs);
    const { keyId, primaryVersionId: keyVersionId } = created;
    if (created.origin === 'Aliyun_KMS')
      await storeFreshMaterial(this.#store, this.#random, created, { keyVersionId, createdMs });
    try {
      await this.#database.transact(async (transaction) => {
        await insert(transaction, created);
        // The material lives in its file alone: what is destroyed there is in no copy of the database.
        await insertKeyVersion(transaction, { keyVersionId, keyId, materialSealed: null, createdMs });
      });
    } catch (error) {
      await this.#store.destroy(keyVersionId);
      throw error;
    }
    return created;
  }

  /**
   * @throws {SystemError} codes `KEY_NOT_FOUND`, `ALIAS_NOT_FOUND`, `ALIAS_UNSUPPORTED`.
   */
  async find(scope: Scope, reference: string, options: ReferenceOptions): Promise<Key> {
    return this.findIn(this.#database.read, scope, reference, options);
  }

  /** The same inside a transaction. */
  async findIn(reader: Reader, scope: Scope, reference: string, options: ReferenceOptions): Promise<Key> {
    const parsed = parseKeyReference(scope, reference);
    if (parsed.kind === 'foreign') {
      const key = options.shared === 'allowed' ? await findKey(reader, parsed.keyId) : undefined;
      if (key?.accountId !== parsed.accountId || key.regionId !== parsed.regionId) throw keyNotFound();
      return this.#visible(scope, key, options);
    }
    if (parsed.kind === 'id') return this.#visible(scope, await findKey(reader, parsed.keyId));
    if (options.alias === 'refused')
      throw kmsRefusal('ALIAS_UNSUPPORTED', 'This operation takes the id or the ARN of a key, not an alias.');
    const alias = await findAlias(reader, scope.accountId, scope.regionId, parsed.aliasName);
    if (alias === undefined) throw kmsRefusal('ALIAS_NOT_FOUND', 'There is no such alias in this region.');
    return this.#visible(scope, await findKey(reader, alias.keyId));
  }

  /** The key that a ciphertext is under: the account's own, or one that is shared with it. @throws {SystemError} code `KEY_NOT_FOUND`. */
  async findUsed(scope: Scope, keyId: string): Promise<Key> {
    return this.#visible(scope, await findKey(this.#database.read, keyId), { alias: 'refused', shared: 'allowed' });
  }

  /** @throws {SystemError} a `KmsRefusal`: not found, or the state forbids `operation`. */
  async findFor(operation: KeyOperation, scope: Scope, reference: string, options: ReferenceOptions): Promise<Key> {
    const key = await this.find(scope, reference, options);
    requireState(operation, key);
    return key;
  }

  /** A key that its owner may change. @throws {SystemError} code `SERVICE_KEY_FIXED`, and those of `find`. */
  async findOwn(scope: Scope, reference: string, reader: Reader = this.#database.read): Promise<Key> {
    const key = await this.findIn(reader, scope, reference, { alias: 'refused' });
    // Source: decisions.md B10.
    if (key.creatorType === 'Service')
      throw kmsRefusal(
        'SERVICE_KEY_FIXED',
        'The service key stays as it is: it cannot be changed, disabled, rotated or deleted.',
      );
    return key;
  }

  list(filter: KeyFilter, page: { readonly offset: number; readonly limit: number }) {
    return listKeys(this.#database.read, { ...filter, aliveAtMs: this.#clock.nowMs() }, page);
  }

  async enable(scope: Scope, reference: string): Promise<void> {
    await this.change('EnableKey', scope, reference, () => ({ keyState: 'Enabled' }));
  }

  async disable(scope: Scope, reference: string): Promise<void> {
    await this.change('DisableKey', scope, reference, () => ({ keyState: 'Disabled' }));
  }

  /** From `now + windowDays` on the key is unknown, and its material is destroyed soon after. */
  async scheduleDeletion(scope: Scope, reference: string, windowDays: number): Promise<void> {
    await this.change('ScheduleKeyDeletion', scope, reference, (key) => {
      if (key.deletionProtection)
        throw kmsRefusal('KEY_STATE_CONFLICT', `Key ${key.keyId} is protected against deletion; lift that first.`);
      return { keyState: 'PendingDeletion', deleteMs: this.#clock.nowMs() + windowDays * DAY_MS };
    });
  }

  /** The key is enabled afterwards, whatever it was before. Source: decisions.md C5. */
  async cancelDeletion(scope: Scope, reference: string): Promise<void> {
    await this.change('CancelKeyDeletion', scope, reference, (key) => ({
      keyState: stateAt({ ...key, keyState: 'Enabled' }, this.#clock.nowMs()),
      deleteMs: null,
    }));
  }

  /** @param why kept while the key is protected; undefined lifts the protection. */
  async protect(scope: Scope, reference: string, why: string | undefined): Promise<void> {
    await this.change('SetDeletionProtection', scope, reference, () => ({
      deletionProtection: why !== undefined,
      deletionProtectionDescription: why === undefined || why === '' ? null : why,
    }));
  }

  async describe(scope: Scope, reference: string, description: string): Promise<void> {
    await this.change('UpdateKeyDescription', scope, reference, () => ({ description }));
  }

  /** @param policy JSON, checked by the caller. */
  async setPolicy(scope: Scope, reference: string, policy: string): Promise<void> {
    await this.change('SetKeyPolicy', scope, reference, () => ({ policy }));
  }

  /** Sets one tag, if it is not set so already. */
  async tag(scope: Scope, keyId: string, tag: Tag): Promise<void> {
    await this.#database.transact(async (transaction) => {
      const key = await this.findIn(transaction, scope, keyId, { alias: 'refused' });
      const tags = [...key.tags.filter((other) => other.key !== tag.key), tag];
      await updateKey(transaction, key.keyId, { tags });
    });
  }

  /**
   * Changes columns of a key that its owner may change, if its state allows `operation`, in one transaction.
   * @throws {SystemError} a `KmsRefusal`, also from `change`; then nothing is changed.
   */
  change(
    operation: KeyOperation,
    scope: Scope,
    reference: string,
    change: (key: Key) => Partial<Omit<Key, 'keyId'>>,
  ): Promise<Key> {
    return this.#database.transact(async (transaction) => {
      const key = await this.findOwn(scope, reference, transaction);
      requireState(operation, key);
      return updateKey(transaction, key.keyId, change(key));
    });
  }

  #visible(scope: Scope, key: Key | undefined, options?: ReferenceOptions): Key {
    if (key === undefined || key.regionId !== scope.regionId) throw keyNotFound();
    const isShared = options?.shared === 'allowed' && key.policy !== null;
    if (key.accountId !== scope.accountId && !(isShared && this.#isSharedWith(key.policy, scope.accountId)))
      throw keyNotFound();
    const nowMs = this.#clock.nowMs();
    if (key.keyState === 'PendingDeletion' && (key.deleteMs ?? 0) <= nowMs) throw keyNotFound();
    return { ...key, keyState: stateAt(key, nowMs) };
  }
}

/** One sentence for every reason, so that nobody learns which keys others have. */
export function keyNotFound(): Error {
  return kmsRefusal('KEY_NOT_FOUND', 'The account has no such key in this region.');
}

function describeNewKey(scope: Scope, key: NewKey, keyId: string, primaryVersionId: string, createdMs: number): Key {
  const { origin = 'Aliyun_KMS' } = key;
  return {
    keyId,
    accountId: scope.accountId,
    regionId: scope.regionId,
    keySpec: key.keySpec,
    keyUsage: key.keyUsage,
    origin,
    protectionLevel: 'SOFTWARE',
    keyState: origin === 'EXTERNAL' ? 'PendingImport' : 'Enabled',
    description: key.description,
    creator: key.creator,
    creatorType: key.creatorType,
    primaryVersionId,
    ...rotationPolicy(key.rotationIntervalS, createdMs),
    lastRotationMs: createdMs,
    materialExpireMs: null,
    materialImportedMs: null,
    materialCheck: null,
    deletionProtection: false,
    deletionProtectionDescription: null,
    tags: key.tags,
    policy: key.policy ?? null,
    createdMs,
    deleteMs: null,
  };
}
