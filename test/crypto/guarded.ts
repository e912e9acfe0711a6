import assert from 'node:assert/strict';

import type { Aead, CipherBackend } from '../../src/crypto/aead.ts';

const GUARD_BYTES = 64;
const CANARY = 0xc5;

/** A copy of some bytes with canaries before and behind it, and how it was. */
class Guarded {
  readonly inner: Uint8Array;
  readonly #whole: Uint8Array;
  readonly #before: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#whole = new Uint8Array(bytes.length + 2 * GUARD_BYTES).fill(CANARY);
    this.#whole.set(bytes, GUARD_BYTES);
    this.inner = this.#whole.subarray(GUARD_BYTES, GUARD_BYTES + bytes.length);
    this.#before = bytes.slice();
  }

  checkCanaries(what: string): void {
    const end = this.#whole.length - GUARD_BYTES;
    for (let i = 0; i < GUARD_BYTES; i++)
      assert.ok(this.#whole[i] === CANARY && this.#whole[end + i] === CANARY, `${what} was written beyond its ends`);
  }

  checkUnchanged(what: string): void {
    this.checkCanaries(what);
    assert.ok(Buffer.compare(this.inner, this.#before) === 0, `${what} is an input and was changed`);
  }
}

/**
 * A cipher library whose every call gets memory with canaries round it, inputs that may not change, and whose every
 * sealed message is opened again. Collects garbage after each `collectEvery` calls, if the process can.
 */
export function guarded(
  library: CipherBackend,
  collectEvery: number,
): CipherBackend & { readonly calls: () => number } {
  let calls = 0;
  const count = (): void => {
    calls += 1;
    if (calls % collectEvery === 0) globalThis.gc?.();
  };
  return {
    name: library.name,
    calls: () => calls,
    createAead: (suite, key): Aead => {
      const keyBytes = new Guarded(key);
      const aead = library.createAead(suite, keyBytes.inner);
      keyBytes.checkUnchanged('a key');
      const open = (inputs: readonly Uint8Array[], outputs: readonly [Uint8Array, Uint8Array]): boolean => {
        const [nonce, aad, sealed] = inputs.map((bytes) => new Guarded(bytes));
        const [body, tail] = outputs.map((bytes) => new Guarded(bytes));
        assert.ok(nonce && aad && sealed && body && tail);
        const opens = aead.open(nonce.inner, aad.inner, sealed.inner, body.inner, tail.inner);
        for (const input of [nonce, aad, sealed]) input.checkUnchanged('an input of open');
        for (const output of [body, tail]) output.checkCanaries('an output of open');
        outputs[0].set(body.inner);
        outputs[1].set(tail.inner);
        return opens;
      };
      return {
        suite,
        seal: (nonce, aad, plaintext, tail, sealed) => {
          count();
          const inputs = [nonce, aad, plaintext, tail].map((bytes) => new Guarded(bytes));
          const output = new Guarded(sealed);
          const [n, a, p, t] = inputs;
          assert.ok(n && a && p && t);
          aead.seal(n.inner, a.inner, p.inner, t.inner, output.inner);
          for (const input of inputs) input.checkUnchanged('an input of seal');
          output.checkCanaries('a sealed message');
          sealed.set(output.inner);
          const [body, end] = [new Uint8Array(plaintext.length), new Uint8Array(tail.length)];
          assert.ok(open([nonce, aad, sealed], [body, end]), 'what was sealed opens');
          assert.ok(Buffer.compare(body, plaintext) === 0 && Buffer.compare(end, tail) === 0, 'as what it was');
        },
        open: (nonce, aad, sealed, plaintext, tail) => {
          count();
          return open([nonce, aad, sealed], [plaintext, tail]);
        },
        wipe: () => aead.wipe(),
      };
    },
  };
}
