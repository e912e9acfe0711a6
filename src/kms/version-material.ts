import type { Clock } from '../base/clock.ts';
import { isKind } from '../base/errors.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import type { Database } from '../metadata/database.ts';
import { findKeyVersion } from '../metadata/key-versions.ts';
import { findKey } from '../metadata/keys.ts';
import type { Key } from '../metadata/keys.ts';
import { stateAt } from './key-states.ts';
import type { KeyOperation } from './key-states.ts';
import type { KeyStore } from './key-store.ts';
import { keyNotFound } from './keys.ts';
import { kmsRefusal, requireState } from './refusals.ts';

/** Opens the material of a key's version for one use; whoever gets it disposes it as soon as it was used. */
export class VersionMaterial {
  readonly #database: Database;
  readonly #store: KeyStore;
  readonly #clock: Clock;

  constructor(database: Database, store: KeyStore, clock: Clock) {
    this.#database = database;
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * @param keyVersionId a version of `key`.
   * @throws {SystemError} a StateRefusal or `KEY_NOT_FOUND` when the material went after the caller had found the key.
   */
  async open(operation: KeyOperation, key: Key, keyVersionId: string): Promise<SecretBytes> {
    try {
      return (await this.#store.read(keyVersionId)).material;
    } catch (error) {
      if (!isKind(error, 'corrupt') || error.code !== 'KEY_FILE_MISSING') throw error;
      const now = await findKey(this.#database.read, key.keyId);
      if (now === undefined) throw keyNotFound();
      requireState(operation, { ...now, keyState: stateAt(now, this.#clock.nowMs()) });
      throw error;
    }
  }

  /**
   * @param keyVersionId what a request named.
   * @throws {SystemError} as `open`, and code `KEY_VERSION_NOT_FOUND`, for versions of other keys too.
   */
  async openNamed(operation: KeyOperation, key: Key, keyVersionId: string): Promise<SecretBytes> {
    const version = await findKeyVersion(this.#database.read, keyVersionId);
    if (version?.keyId === key.keyId) return this.open(operation, key, keyVersionId);
    throw kmsRefusal(
      'KEY_VERSION_NOT_FOUND',
      `Key ${key.keyId} has no such version; DescribeKey names the primary one.`,
    );
  }
}
