import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { CipherGCMTypes } from 'node:crypto';

import { assert } from '../base/assert.ts';
import { wipeableCopy } from '../base/wipeable-bytes.ts';
import { KEY_SIZE_BYTES, NONCE_SIZE_BYTES, TAG_SIZE_BYTES } from './aead.ts';
import type { Aead, CipherBackend, Suite } from './aead.ts';

/** OpenSSL 3.1 and later know SM4-GCM; the type definitions do not yet. */
const OPENSSL_NAME: Readonly<Record<Suite, CipherGCMTypes>> = {
  'aes-256-gcm': 'aes-256-gcm',
  'sm4-gcm': 'sm4-gcm' as CipherGCMTypes,
};
const OPTIONS = { authTagLength: TAG_SIZE_BYTES };

/** The portable backend: works wherever Node does, at a sixth of libgcrypt's speed. */
export function nodeCipherBackend(): CipherBackend {
  return {
    name: `node:crypto (OpenSSL ${process.versions.openssl})`,
    createAead: (suite, key) => new NodeAead(suite, key),
  };
}

class NodeAead implements Aead {
  readonly suite: Suite;
  #key: Uint8Array | undefined;

  constructor(suite: Suite, key: Uint8Array) {
    assert(key.length === KEY_SIZE_BYTES[suite], `a key of ${suite} has ${KEY_SIZE_BYTES[suite]} bytes`);
    this.suite = suite;
    this.#key = wipeableCopy(key);
  }

  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, tail: Uint8Array, sealed: Uint8Array): void {
    const key = this.#begin(nonce, plaintext, tail, sealed);
    const cipher = createCipheriv(OPENSSL_NAME[this.suite], key, nonce, OPTIONS);
    if (aad.length > 0) cipher.setAAD(aad);
    if (plaintext.length > 0) sealed.set(cipher.update(plaintext), 0);
    if (tail.length > 0) sealed.set(cipher.update(tail), plaintext.length);
    cipher.final();
    sealed.set(cipher.getAuthTag(), plaintext.length + tail.length);
  }

  open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array, plaintext: Uint8Array, tail: Uint8Array): boolean {
    const key = this.#begin(nonce, plaintext, tail, sealed);
    const messageSize = plaintext.length + tail.length;
    const decipher = createDecipheriv(OPENSSL_NAME[this.suite], key, nonce, OPTIONS);
    decipher.setAuthTag(sealed.subarray(messageSize));
    if (aad.length > 0) decipher.setAAD(aad);
    // OpenSSL hands plaintext out before it has seen the tag: it reaches the caller only when the tag fits.
    const opened = decipher.update(sealed.subarray(0, messageSize));
    try {
      decipher.final();
    } catch {
      // The one thing that `final` checks in GCM is the tag.
      opened.fill(0);
      plaintext.fill(0);
      tail.fill(0);
      return false;
    }
    plaintext.set(opened.subarray(0, plaintext.length));
    tail.set(opened.subarray(plaintext.length));
    opened.fill(0);
    return true;
  }

  wipe(): void {
    this.#key?.fill(0);
    this.#key = undefined;
  }

  #begin(nonce: Uint8Array, plaintext: Uint8Array, tail: Uint8Array, sealed: Uint8Array): Uint8Array {
    assert(this.#key, 'a wiped key is not used');
    assert(nonce.length === NONCE_SIZE_BYTES, 'a nonce has 12 bytes');
    assert(tail.length === 0 || plaintext.length % 16 === 0, 'a message with a tail is whole cipher blocks before it');
    const sealedSize = plaintext.length + tail.length + TAG_SIZE_BYTES;
    assert(sealed.length === sealedSize, 'sealed is as long as the message and its tag');
    return this.#key;
  }
}
