import type { SecretBytes } from '../crypto/secret-bytes.ts';
import type { Database } from '../metadata/database.ts';
import { findKeyVersion } from '../metadata/key-versions.ts';
import type { Key } from '../metadata/keys.ts';
import type { KeyStore } from './key-store.ts';
import { kmsRefusal } from './refusals.ts';

/** Opens the material of a version that the caller names, for one use. */
export class VersionMaterial {
  readonly #database: Database;
  readonly #store: KeyStore;

  constructor(database: Database, store: KeyStore) {
    this.#database = database;
    this.#store = store;
  }

  /**
   * @returns the material, disposed as soon as it was used.
   * @throws {SystemError} code `KEY_VERSION_NOT_FOUND`, for versions of other keys too.
   */
  async open(key: Key, keyVersionId: string): Promise<SecretBytes> {
    const version = await findKeyVersion(this.#database.read, keyVersionId);
    if (version?.keyId !== key.keyId)
      throw kmsRefusal(
        'KEY_VERSION_NOT_FOUND',
        `Key ${key.keyId} has no such version; DescribeKey names the primary one.`,
      );
    return (await this.#store.read(version.keyVersionId)).material;
  }
}
