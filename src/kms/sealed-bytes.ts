import { SystemError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { wipeableBytes } from '../base/wipeable-bytes.ts';
import { KEY_SIZE_BYTES, NONCE_SIZE_BYTES, TAG_SIZE_BYTES } from '../crypto/aead.ts';
import type { CipherBackend } from '../crypto/aead.ts';
import { hkdfSha256 } from '../crypto/kdf.ts';
import type { Sealer } from '../metadata/sealer.ts';

// docs/formats/root-key.md, "Sealed bytes": version (1) ‖ salt (32) ‖ ciphertext ‖ tag (16)
const VERSION = 1;
const SALT_OFFSET = 1;
const SALT_SIZE_BYTES = 32;
const BODY_OFFSET = SALT_OFFSET + SALT_SIZE_BYTES;
const OVERHEAD_BYTES = BODY_OFFSET + TAG_SIZE_BYTES;
const KEY_BYTES = KEY_SIZE_BYTES['aes-256-gcm'];
const EMPTY = new Uint8Array(0);

/**
 * Seals secrets under a key derived from the root key. Every call derives its own key and nonce from a fresh 32-byte
 * salt, so no nonce can repeat however many secrets there are. Source: engine-structure.md section 1.4.
 */
export class SealedBytes implements Sealer {
  readonly #ciphers: CipherBackend;
  readonly #random: Random;
  readonly #key: Uint8Array;

  /** @param key 32 bytes, kept by reference: the root key wipes it. */
  constructor(ciphers: CipherBackend, random: Random, key: Uint8Array) {
    this.#ciphers = ciphers;
    this.#random = random;
    this.#key = key;
  }

  seal(context: string, plaintext: Uint8Array): Uint8Array {
    const sealed = new Uint8Array(OVERHEAD_BYTES + plaintext.length);
    sealed[0] = VERSION;
    sealed.set(this.#random.bytes(SALT_SIZE_BYTES), SALT_OFFSET);
    this.#with(sealed, (aead, nonce) =>
      aead.seal(nonce, Buffer.from(context), plaintext, EMPTY, sealed.subarray(BODY_OFFSET)),
    );
    return sealed;
  }

  open(context: string, sealed: Uint8Array): Uint8Array {
    if (sealed.length < OVERHEAD_BYTES || sealed[0] !== VERSION) throw damaged(context);
    const plaintext = wipeableBytes(sealed.length - OVERHEAD_BYTES);
    const body = sealed.subarray(BODY_OFFSET);
    if (!this.#with(sealed, (aead, nonce) => aead.open(nonce, Buffer.from(context), body, plaintext, EMPTY)))
      throw damaged(context);
    return plaintext;
  }

  #with<T>(sealed: Uint8Array, use: (aead: ReturnType<CipherBackend['createAead']>, nonce: Uint8Array) => T): T {
    const salt = sealed.subarray(SALT_OFFSET, BODY_OFFSET);
    const derived = hkdfSha256(this.#key, salt, 'sealdisk/sealed-bytes/v1', KEY_BYTES + NONCE_SIZE_BYTES);
    const aead = this.#ciphers.createAead('aes-256-gcm', derived.subarray(0, KEY_BYTES));
    try {
      return use(aead, derived.subarray(KEY_BYTES));
    } finally {
      aead.wipe();
      derived.fill(0);
    }
  }
}

function damaged(context: string): SystemError {
  return new SystemError(
    'corrupt',
    'SEALED_BYTES_DAMAGED',
    `The sealed secret of ${context} does not open: it was changed, or sealed under another root key.`,
  );
}
