/**
 * Authenticated encryption of one message under one key, as the disk engine and the key store use it.
 * Implementations: `libgcrypt.ts` (through koffi) and `node-aead.ts` (node:crypto, portable). Both pass one contract suite.
 */

/** Sources: NIST SP 800-38D (AES-256-GCM); RFC 8998 section 2 and GB/T 32907 (SM4-GCM, 128-bit key). */
export type Suite = 'aes-256-gcm' | 'sm4-gcm';

export const KEY_SIZE_BYTES: Readonly<Record<Suite, number>> = { 'aes-256-gcm': 32, 'sm4-gcm': 16 };
export const NONCE_SIZE_BYTES = 12;
export const TAG_SIZE_BYTES = 16;

/** One key, ready for use. Not shared between threads. The caller guarantees that no nonce is ever used twice to seal. */
export interface Aead {
  readonly suite: Suite;
  /**
   * Seals `plaintext` followed by `tail` as one message: `sealed` = ciphertext ‖ tag, plaintext + tail + 16 bytes long.
   * @param plaintext length a multiple of 16 when `tail` is not empty. Not modified, not retained.
   * @param tail may be empty.
   * @param sealed written completely; may not overlap the inputs.
   */
  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, tail: Uint8Array, sealed: Uint8Array): void;
  /**
   * Opens what `seal` made, into `plaintext` and `tail` (whose lengths say where the message is cut).
   * Answers false, with both outputs zeroed, when the tag does not fit.
   */
  open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array, plaintext: Uint8Array, tail: Uint8Array): boolean;
  /** Wipes the key schedule. Any later use throws. */
  wipe(): void;
}

/** A cipher library. */
export interface CipherBackend {
  /** `libgcrypt 1.10.1`, `node:crypto (OpenSSL 3.5.2)`. */
  readonly name: string;
  /** @param key not retained: the caller wipes it. */
  createAead(suite: Suite, key: Uint8Array): Aead;
}
