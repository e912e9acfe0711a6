/** Takes the place of src/crypto/cipher-backend.ts in a disk server of the benchmark: copies and neither hides nor checks. */
import { NONCE_SIZE_BYTES, TAG_SIZE_BYTES } from '../../src/crypto/aead.ts';
import type { Aead, CipherBackend, Suite } from '../../src/crypto/aead.ts';

class NullAead implements Aead {
  readonly suite: Suite;

  constructor(suite: Suite) {
    this.suite = suite;
  }

  /** The tag is the nonce: what was sealed for another place still does not open. */
  seal(nonce: Uint8Array, _aad: Uint8Array, plaintext: Uint8Array, tail: Uint8Array, sealed: Uint8Array): void {
    sealed.set(plaintext);
    sealed.set(tail, plaintext.length);
    const tag = plaintext.length + tail.length;
    sealed.set(nonce, tag);
    sealed.fill(1, tag + NONCE_SIZE_BYTES, tag + TAG_SIZE_BYTES);
  }

  open(nonce: Uint8Array, _aad: Uint8Array, sealed: Uint8Array, plaintext: Uint8Array, tail: Uint8Array): boolean {
    const tag = plaintext.length + tail.length;
    for (let i = 0; i < NONCE_SIZE_BYTES; i++)
      if (sealed[tag + i] !== nonce[i] || sealed[tag + NONCE_SIZE_BYTES] !== 1) {
        plaintext.fill(0);
        tail.fill(0);
        return false;
      }
    plaintext.set(sealed.subarray(0, plaintext.length));
    tail.set(sealed.subarray(plaintext.length, tag));
    return true;
  }

  wipe(): void {
    // There is no key.
  }
}

/** In the shape of the real one. */
export function selectCipherBackend(): CipherBackend {
  return { name: 'none (benchmark)', createAead: (suite) => new NullAead(suite) };
}
