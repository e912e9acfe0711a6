import { assert } from '../base/assert.ts';
import type { Random } from '../base/random.ts';
import type { CipherBackend, Suite } from '../crypto/aead.ts';
import type { Database } from '../metadata/database.ts';
import { findKeyVersion } from '../metadata/key-versions.ts';
import type { Key } from '../metadata/keys.ts';
import { keyVersionOf, openBlob, sealBlob } from './ciphertext-blob.ts';
import type { EncryptionContext } from './encryption-context.ts';
import { KEY_SPECS } from './key-specs.ts';
import type { KeyOperation } from './key-states.ts';
import { keyNotFound } from './keys.ts';
import type { Keys } from './keys.ts';
import { kmsRefusal, requireState } from './refusals.ts';
import type { Scope } from './scope.ts';
import type { VersionMaterial } from './version-material.ts';

export interface Sealed {
  readonly keyId: string;
  readonly keyVersionId: string;
  /** docs/formats/ciphertext-blob.md */
  readonly blob: Uint8Array;
}

export interface Opened {
  readonly keyId: string;
  readonly keyVersionId: string;
  /** Owned by the caller, who wipes it. */
  readonly plaintext: Uint8Array;
}

/** Encrypts and decrypts small secrets under keys. The key's material is unsealed for one call at a time. */
export class Envelope {
  readonly #database: Database;
  readonly #material: VersionMaterial;
  readonly #keys: Keys;
  readonly #ciphers: CipherBackend;
  readonly #random: Random;

  constructor(database: Database, material: VersionMaterial, keys: Keys, ciphers: CipherBackend, random: Random) {
    this.#database = database;
    this.#material = material;
    this.#keys = keys;
    this.#ciphers = ciphers;
    this.#random = random;
  }

  /** @throws {SystemError} a StateRefusal; code `KEY_SPEC_UNSUITABLE` for asymmetric keys. */
  async encrypt(operation: KeyOperation, key: Key, context: EncryptionContext, plaintext: Uint8Array): Promise<Sealed> {
    requireState(operation, key);
    const suite = blobSuiteOf(key);
    const { keyId, primaryVersionId: keyVersionId } = key;
    using secret = await this.#material.open(operation, key, keyVersionId);
    const blobKey = { keyVersionId, suite, material: secret.reveal() };
    return { keyId, keyVersionId, blob: sealBlob(this.#ciphers, this.#random, blobKey, context, plaintext) };
  }

  /** A fresh random key and its sealed form. `plaintext` is the caller's to wipe. */
  async generateDataKey(
    operation: KeyOperation,
    key: Key,
    context: EncryptionContext,
    lengthBytes: number,
  ): Promise<Sealed & Opened> {
    const plaintext = this.#random.bytes(lengthBytes);
    try {
      return { ...(await this.encrypt(operation, key, context, plaintext)), plaintext };
    } catch (error) {
      plaintext.fill(0);
      throw error;
    }
  }

  /**
   * @throws {SystemError} codes `KEY_NOT_FOUND`, a StateRefusal, or `CIPHERTEXT_REFUSED`, which does not say whether
   *   the bytes or the context are wrong.
   */
  async decrypt(scope: Scope, context: EncryptionContext, blob: Uint8Array): Promise<Opened> {
    const key = await this.keyOf(scope, blob);
    requireState('Decrypt', key);
    const suite = blobSuiteOf(key);
    const keyVersionId = keyVersionOf(blob);
    assert(keyVersionId !== undefined, 'keyOf refuses what names no key version');
    using secret = await this.#material.open('Decrypt', key, keyVersionId);
    const plaintext = openBlob(this.#ciphers, { keyVersionId, suite, material: secret.reveal() }, context, blob);
    if (plaintext === undefined) throw refused();
    return { keyId: key.keyId, keyVersionId, plaintext };
  }

  /** @throws {SystemError} codes `KEY_NOT_FOUND`, `CIPHERTEXT_REFUSED` (the bytes name no key). */
  async keyOf(scope: Scope, blob: Uint8Array): Promise<Key> {
    const keyVersionId = keyVersionOf(blob);
    if (keyVersionId === undefined) throw refused();
    const version = await findKeyVersion(this.#database.read, keyVersionId);
    if (version === undefined) throw keyNotFound();
    return this.#keys.findUsed(scope, version.keyId);
  }
}

function blobSuiteOf(key: Key): Suite {
  const { blobSuite } = KEY_SPECS[key.keySpec];
  if (blobSuite === undefined)
    throw kmsRefusal(
      'KEY_SPEC_UNSUITABLE',
      `Key ${key.keyId} is ${key.keySpec}; this operation needs a symmetric key.`,
    );
  return blobSuite;
}

function refused(): Error {
  return kmsRefusal('CIPHERTEXT_REFUSED', 'The ciphertext does not open with this encryption context.');
}
