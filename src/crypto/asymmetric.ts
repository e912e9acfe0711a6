/**
 * Key pairs and what is done with them. Algorithms and kinds of keys have the names that the KMS API gives them; what
 * they are to the byte is in docs/formats/asymmetric.md. Implementation: `openssl.ts`.
 */

export type KeyPairSpec = 'RSA_2048' | 'RSA_3072' | 'EC_P256' | 'EC_P256K' | 'EC_SM2';

/** Sources: RFC 8017 section 7.1, without a label, MGF1 over the same hash; GB/T 32918.4. */
export type EncryptionAlgorithm = 'RSAES_OAEP_SHA_1' | 'RSAES_OAEP_SHA_256' | 'SM2PKE';

/** Sources: RFC 8017 sections 8.1 (with a salt as long as the hash) and 8.2; FIPS 186-5; GB/T 32918.2. */
export type SignatureAlgorithm = 'RSA_PSS_SHA_256' | 'RSA_PKCS1_SHA_256' | 'ECDSA_SHA_256' | 'SM2DSA';

/** How key material is wrapped on its way here. PKCS #1 v1.5 (RFC 8017 section 7.2) serves nothing else. */
export type WrappingAlgorithm = EncryptionAlgorithm | 'RSAES_PKCS1_V1_5';

/** What is signed, whatever the algorithm: the SHA-256 of the message, or for SM2DSA the SM3 of Z and the message. */
export const DIGEST_SIZE_BYTES = 32;

/** SM2 ciphertexts are at most this long. Source: KMS API reference, AsymmetricDecrypt. */
export const SM2_CIPHERTEXT_SIZE_BYTES_MAX = 6144;

/** A point, a digest, and the byte that says how the point is written. */
export const SM2_OVERHEAD_BYTES = 97;

/** Disposing frees the library's copy. A disposed key is not used. */
export interface PublicKey extends Disposable {
  readonly spec: KeyPairSpec;
  /** SubjectPublicKeyInfo, DER. */
  publicKeyDer(): Uint8Array;
  /** @param plaintext at most as long as `encryptionLimitBytes` says. */
  encrypt(algorithm: EncryptionAlgorithm, plaintext: Uint8Array): Uint8Array;
  /** @param digest DIGEST_SIZE_BYTES long. */
  verify(algorithm: SignatureAlgorithm, digest: Uint8Array, signature: Uint8Array): boolean;
}

export interface PrivateKey extends PublicKey {
  /** The plaintext, which the caller wipes; undefined for every reason why it does not open. */
  decrypt(algorithm: EncryptionAlgorithm, ciphertext: Uint8Array): Uint8Array | undefined;
  /** As `decrypt`, for a plaintext of exactly `sizeBytes`: any other is refused in the same way. */
  unwrap(algorithm: WrappingAlgorithm, wrapped: Uint8Array, sizeBytes: number): Uint8Array | undefined;
  /** @param digest DIGEST_SIZE_BYTES long. */
  sign(algorithm: SignatureAlgorithm, digest: Uint8Array): Uint8Array;
}

/** A library for key pairs. */
export interface KeyPairBackend {
  /** `OpenSSL 3.5.2` */
  readonly name: string;
  /**
   * @param pkcs8 DER, not retained: the caller wipes it.
   * @throws {SystemError} kind `corrupt`, code `PRIVATE_KEY_DAMAGED`.
   */
  openPrivate(pkcs8: Uint8Array): PrivateKey;
  /**
   * @param spki a SubjectPublicKeyInfo in DER from anywhere.
   * @returns undefined when it is none, of a kind that is no KeyPairSpec, or its numbers are no key.
   */
  openPublic(spki: Uint8Array): PublicKey | undefined;
}

const OAEP_HASH_SIZE_BYTES = { RSAES_OAEP_SHA_1: 20, RSAES_OAEP_SHA_256: 32 } as const;

/** How much one encryption takes. Source: KMS API reference, AsymmetricEncrypt; RFC 8017 section 7.1.1. */
export function encryptionLimitBytes(spec: KeyPairSpec, algorithm: EncryptionAlgorithm): number {
  if (algorithm === 'SM2PKE') return SM2_CIPHERTEXT_SIZE_BYTES_MAX - SM2_OVERHEAD_BYTES;
  return (spec === 'RSA_3072' ? 384 : 256) - 2 * OAEP_HASH_SIZE_BYTES[algorithm] - 2;
}
