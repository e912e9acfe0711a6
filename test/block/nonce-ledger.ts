import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

import type { Aead, CipherBackend, Suite } from '../../src/crypto/aead.ts';

/**
 * A cipher backend that remembers every (key, nonce) that ever sealed, for as long as it lives: over reopenings,
 * crashes and clones. Sealing two messages under one pair is the one mistake that GCM does not survive; sealing the
 * same message again only repeats the same bytes.
 */
export class NonceLedger implements CipherBackend {
  readonly name: string;
  readonly #inner: CipherBackend;
  /** To the tag, which differs when the message does. */
  readonly #used = new Map<string, string>();

  constructor(inner: CipherBackend) {
    this.name = inner.name;
    this.#inner = inner;
  }

  get size(): number {
    return this.#used.size;
  }

  createAead(suite: Suite, key: Uint8Array): Aead {
    const inner = this.#inner.createAead(suite, key);
    const keyName = createHash('sha256').update(key).digest('latin1').slice(0, 8);
    return {
      suite,
      seal: (nonce, aad, plaintext, tail, sealed) => {
        const entry = keyName + Buffer.from(nonce).toString('latin1');
        inner.seal(nonce, aad, plaintext, tail, sealed);
        const tag = Buffer.from(sealed.subarray(sealed.length - 16)).toString('latin1');
        assert.ok((this.#used.get(entry) ?? tag) === tag, 'a nonce was used for two messages under one key');
        this.#used.set(entry, tag);
      },
      open: (nonce, aad, sealed, plaintext, tail) => inner.open(nonce, aad, sealed, plaintext, tail),
      wipe: () => inner.wipe(),
    };
  }
}
