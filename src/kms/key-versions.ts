import type { Clock } from '../base/clock.ts';
import { randomUuid } from '../base/random.ts';
import type { Random } from '../base/random.ts';
import type { Database } from '../metadata/database.ts';
import { findKeyVersion, insertKeyVersion, listKeyVersions } from '../metadata/key-versions.ts';
import type { KeyVersion } from '../metadata/key-versions.ts';
import { findKey, listKeysToRotate, nextRotationMs, updateKey } from '../metadata/keys.ts';
import type { Key } from '../metadata/keys.ts';
import { storeFreshMaterial } from './fresh-material.ts';
import type { KeyStore } from './key-store.ts';
import { keyNotFound } from './keys.ts';
import type { Keys, ReferenceOptions } from './keys.ts';
import { kmsRefusal, kmsRefusalOf, requireState } from './refusals.ts';
import { rotationPolicy, versioningOf } from './rotation-policy.ts';
import type { Scope } from './scope.ts';

// Of versions made by hand. Source: facts.md 2.6.
export const KEY_VERSIONS_MAX = 50;
const MANUAL_INTERVAL_MS = 7 * 24 * 60 * 60 * 1000;

/** Asked inside the transaction that adds a version. @throws {SystemError} a `KmsRefusal`, and no version is added. */
type Condition = (key: Key, versions: readonly KeyVersion[]) => void;

/** The versions of keys: a new one becomes primary, and the older ones go on opening what they sealed. */
export class KeyVersions {
  readonly #database: Database;
  readonly #store: KeyStore;
  readonly #keys: Keys;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(database: Database, store: KeyStore, keys: Keys, clock: Clock, random: Random) {
    this.#database = database;
    this.#store = store;
    this.#keys = keys;
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * A further version of an asymmetric key, seven days after the one before at the earliest.
   * @throws {SystemError} codes of finding the key in a fit state, `OPERATION_UNSUPPORTED`, `LIMIT_EXCEEDED`.
   */
  async create(scope: Scope, reference: string): Promise<KeyVersion> {
    const { keyId } = await this.#keys.findOwn(scope, reference);
    return this.#add(keyId, (key, versions) => {
      requireState('CreateKeyVersion', key);
      requireKind(key, 'manual', 'Versions are made by hand of asymmetric keys that KMS generated only');
      if (versions.length >= KEY_VERSIONS_MAX)
        throw kmsRefusal('LIMIT_EXCEEDED', `Key ${keyId} has ${KEY_VERSIONS_MAX} versions; make a new key instead.`);
      const newestMs = Math.max(...versions.map(({ createdMs }) => createdMs));
      if (this.#clock.nowMs() - newestMs < MANUAL_INTERVAL_MS)
        throw kmsRefusal(
          'LIMIT_EXCEEDED',
          `The newest version of key ${keyId} is not seven days old; try again later.`,
        );
    });
  }

  /** @throws {SystemError} codes of finding the key, `KEY_VERSION_NOT_FOUND`. */
  async find(scope: Scope, reference: string, keyVersionId: string): Promise<KeyVersion> {
    const { keyId } = await this.#keys.findFor('DescribeKeyVersion', scope, reference, { alias: 'refused' });
    const version = await findKeyVersion(this.#database.read, keyVersionId);
    if (version?.keyId !== keyId) throw kmsRefusal('KEY_VERSION_NOT_FOUND', `Key ${keyId} has no such version.`);
    return version;
  }

  /** Oldest first. */
  async list(scope: Scope, reference: string, options: ReferenceOptions): Promise<KeyVersion[]> {
    const { keyId } = await this.#keys.findFor('ListKeyVersions', scope, reference, options);
    return listKeyVersions(this.#database.read, keyId);
  }

  /**
   * Rotates the key every `intervalS` seconds from its last rotation on, or no more.
   * @throws {SystemError} codes of finding the key in a fit state, `OPERATION_UNSUPPORTED`.
   */
  async setRotation(scope: Scope, reference: string, intervalS: number | undefined): Promise<void> {
    await this.#keys.change('UpdateRotationPolicy', scope, reference, (key) => {
      requireKind(key, 'automatic', 'Only symmetric keys that KMS generated are rotated');
      return rotationPolicy(intervalS, key.lastRotationMs ?? key.createdMs);
    });
  }

  /**
   * Rotates the keys whose time has come; a time that was missed counts once. Answers when the next one is due.
   * @throws the first failure, when every key was tried.
   */
  async rotateDue(): Promise<number | undefined> {
    const failures: unknown[] = [];
    for (const { keyId } of await listKeysToRotate(this.#database.read, this.#clock.nowMs())) {
      await this.#add(keyId, (key) => {
        const isDue = key.automaticRotation && (key.nextRotationMs ?? Infinity) <= this.#clock.nowMs();
        if (!isDue || key.keyState !== 'Enabled') throw kmsRefusal('KEY_STATE_CONFLICT', 'The key changed meanwhile.');
      }).catch((error: unknown) => {
        if (kmsRefusalOf(error) === undefined) failures.push(error);
      });
    }
    if (failures.length > 0) throw failures[0];
    return nextRotationMs(this.#database.read);
  }

  /** The material first, durably, then the rows. */
  async #add(keyId: string, condition: Condition): Promise<KeyVersion> {
    const key = await findKey(this.#database.read, keyId);
    if (key === undefined) throw keyNotFound();
    condition(key, await listKeyVersions(this.#database.read, keyId));
    const createdMs = this.#clock.nowMs();
    const version: KeyVersion = { keyVersionId: randomUuid(this.#random), keyId, materialSealed: null, createdMs };
    await storeFreshMaterial(this.#store, this.#random, key, version);
    try {
      await this.#database.transact(async (transaction) => {
        const current = await findKey(transaction, keyId);
        if (current === undefined) throw keyNotFound();
        condition(current, await listKeyVersions(transaction, keyId));
        await insertKeyVersion(transaction, version);
        const { rotationIntervalS } = current;
        await updateKey(transaction, keyId, {
          primaryVersionId: version.keyVersionId,
          lastRotationMs: createdMs,
          nextRotationMs: rotationIntervalS === null ? null : createdMs + rotationIntervalS * 1000,
        });
      });
    } catch (error) {
      await this.#store.destroy(version.keyVersionId);
      throw error;
    }
    return version;
  }
}

function requireKind(key: Key, kind: ReturnType<typeof versioningOf>, rule: string): void {
  if (versioningOf(key) === kind) return;
  const what = key.origin === 'EXTERNAL' ? 'has imported material' : `is ${key.keySpec}`;
  throw kmsRefusal('OPERATION_UNSUPPORTED', `${rule}; key ${key.keyId} ${what}.`);
}
