import { encryptionLimitBytes } from '../crypto/asymmetric.ts';
import type {
  EncryptionAlgorithm,
  KeyPairBackend,
  KeyPairSpec,
  PrivateKey,
  SignatureAlgorithm,
} from '../crypto/asymmetric.ts';
import type { Key, KeyUsage } from '../metadata/keys.ts';
import { KEY_SPECS } from './key-specs.ts';
import type { KeyOperation } from './key-states.ts';
import { ciphertextRefused, kmsRefusal, requireState } from './refusals.ts';
import type { VersionMaterial } from './version-material.ts';

/** One version of a key pair, as a request names it. */
export interface KeyPairVersion {
  readonly key: Key;
  readonly keyVersionId: string;
}

/** A public key from outside: what it is said to be, and its SubjectPublicKeyInfo. */
export interface ForeignPublicKey {
  readonly spec: KeyPairSpec;
  readonly der: Uint8Array;
}

/**
 * What keys that are key pairs do. The private key is unsealed for one operation. Formats: docs/formats/asymmetric.md.
 * Every method on a key throws {SystemError} a StateRefusal, `KEY_SPEC_UNSUITABLE` for other keys,
 * `ALGORITHM_UNSUITABLE`, `KEY_VERSION_NOT_FOUND`.
 */
export class KeyPairs {
  readonly #material: VersionMaterial;
  readonly #backend: KeyPairBackend;

  constructor(material: VersionMaterial, backend: KeyPairBackend) {
    this.#material = material;
    this.#backend = backend;
  }

  /** @throws {SystemError} code `PLAINTEXT_TOO_LONG`. */
  async encrypt(version: KeyPairVersion, algorithm: EncryptionAlgorithm, plaintext: Uint8Array): Promise<Uint8Array> {
    const { key } = version;
    requireEncryption('AsymmetricEncrypt', key, algorithm);
    requireFit(key.keySpec as KeyPairSpec, algorithm, plaintext);
    using pair = await this.#open('AsymmetricEncrypt', version);
    return pair.encrypt(algorithm, plaintext);
  }

  /**
   * @returns bytes that the caller wipes.
   * @throws {SystemError} code `CIPHERTEXT_REFUSED`, whatever the reason.
   */
  async decrypt(
    operation: KeyOperation,
    version: KeyPairVersion,
    algorithm: EncryptionAlgorithm,
    ciphertext: Uint8Array,
  ): Promise<Uint8Array> {
    requireEncryption(operation, version.key, algorithm);
    using pair = await this.#open(operation, version);
    const plaintext = pair.decrypt(algorithm, ciphertext);
    if (plaintext === undefined) throw ciphertextRefused();
    return plaintext;
  }

  /** @param digest DIGEST_SIZE_BYTES long. */
  async sign(version: KeyPairVersion, algorithm: SignatureAlgorithm, digest: Uint8Array): Promise<Uint8Array> {
    requireSignature('AsymmetricSign', version.key, algorithm);
    using pair = await this.#open('AsymmetricSign', version);
    return pair.sign(algorithm, digest);
  }

  /** @param digest DIGEST_SIZE_BYTES long. */
  async verify(
    version: KeyPairVersion,
    algorithm: SignatureAlgorithm,
    digest: Uint8Array,
    signature: Uint8Array,
  ): Promise<boolean> {
    requireSignature('AsymmetricVerify', version.key, algorithm);
    using pair = await this.#open('AsymmetricVerify', version);
    return pair.verify(algorithm, digest, signature);
  }

  /** SubjectPublicKeyInfo, DER. */
  async publicKey(version: KeyPairVersion): Promise<Uint8Array> {
    requireState('GetPublicKey', version.key);
    const { encryption, signature } = KEY_SPECS[version.key.keySpec];
    if (encryption.length + signature.length === 0) throw unsuitable(version.key, 'has no public key');
    using pair = await this.#open('GetPublicKey', version);
    return pair.publicKeyDer();
  }

  /**
   * Encrypts under a public key that a client brought.
   * @throws {SystemError} codes `PUBLIC_KEY_REFUSED` (the bytes are no sound public key of `spec`), `PLAINTEXT_TOO_LONG`.
   */
  encryptFor(publicKey: ForeignPublicKey, algorithm: EncryptionAlgorithm, plaintext: Uint8Array): Uint8Array {
    const { spec, der } = publicKey;
    using key = this.#backend.openPublic(der);
    if (key?.spec !== spec)
      throw kmsRefusal(
        'PUBLIC_KEY_REFUSED',
        `The public key must be a SubjectPublicKeyInfo of a key of ${spec}, in DER.`,
      );
    requireFit(spec, algorithm, plaintext);
    return key.encrypt(algorithm, plaintext);
  }

  async #open(operation: KeyOperation, { key, keyVersionId }: KeyPairVersion): Promise<PrivateKey> {
    using material = await this.#material.openNamed(operation, key, keyVersionId);
    return this.#backend.openPrivate(material.reveal());
  }
}

function requireFit(spec: KeyPairSpec, algorithm: EncryptionAlgorithm, plaintext: Uint8Array): void {
  const limit = encryptionLimitBytes(spec, algorithm);
  if (plaintext.length > limit)
    throw kmsRefusal('PLAINTEXT_TOO_LONG', `A key of ${spec} encrypts at most ${limit} bytes with ${algorithm}.`);
}

function requireEncryption(operation: KeyOperation, key: Key, algorithm: EncryptionAlgorithm): void {
  requireUse(operation, key, 'ENCRYPT/DECRYPT', KEY_SPECS[key.keySpec].encryption, algorithm);
}

function requireSignature(operation: KeyOperation, key: Key, algorithm: SignatureAlgorithm): void {
  requireUse(operation, key, 'SIGN/VERIFY', KEY_SPECS[key.keySpec].signature, algorithm);
}

function requireUse(
  operation: KeyOperation,
  key: Key,
  usage: KeyUsage,
  algorithms: readonly string[],
  algorithm: string,
): void {
  requireState(operation, key);
  if (key.keyUsage !== usage || algorithms.length === 0) throw unsuitable(key, `is not one for ${operation}`);
  if (!algorithms.includes(algorithm))
    throw kmsRefusal('ALGORITHM_UNSUITABLE', `A key of ${key.keySpec} takes the algorithms ${algorithms.join(', ')}.`);
}

function unsuitable(key: Key, why: string): Error {
  return kmsRefusal('KEY_SPEC_UNSUITABLE', `Key ${key.keyId} is ${key.keySpec} for ${key.keyUsage}, which ${why}.`);
}
